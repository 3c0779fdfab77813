import { hash } from "node:crypto";

/** 64 bits of a text, as two 32-bit integers. */
interface Digest {
  readonly high: number;
  readonly low: number;
}

interface Node extends Digest {
  readonly name: string;
}

/**
 * Says which of `names` owns an address: the one whose weight for that address is the highest (rendezvous hashing). A node that joins
 * takes its share from all others alike, one that leaves gives its own to all alike, and no other address moves.
 *
 * Every agent of a cluster must come to the same answer: whatever is changed here moves all targets while a cluster is being updated.
 */
export function createOwnerOf(names: Iterable<string>): (address: string) => string | undefined {
  // In one order everywhere, which decides between equal weights.
  const nodes: readonly Node[] = [...new Set(names)].sort().map((name) => ({ name, ...digest(name) }));
  return (address) => {
    const key = digest(address);
    let owner: string | undefined;
    let highest = -1;
    for (const node of nodes) {
      const weight = weightOf(node, key);
      if (weight <= highest) continue;
      highest = weight;
      owner = node.name;
    }
    return owner;
  };
}

function digest(text: string): Digest {
  const bytes = hash("sha1", text, "buffer");
  return { high: bytes.readUInt32BE(0), low: bytes.readUInt32BE(4) };
}

/**
 * 53 bits that depend on every bit of both digests. SHA-1 is computed once for each node and address; pairs, of which there are many
 * more, are mixed by a Feistel network over the finalizer of MurmurHash3.
 */
function weightOf(node: Digest, key: Digest): number {
  let high = node.high ^ key.high;
  let low = node.low ^ key.low;
  for (const constant of roundConstants) {
    const mixed = high ^ finalize(low + constant);
    high = low;
    low = mixed;
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}

// Any four different numbers do; these are the digits of pi's fraction.
const roundConstants = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];

function finalize(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
