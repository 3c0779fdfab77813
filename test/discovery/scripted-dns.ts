import dgram from "node:dgram";
import { once } from "node:events";
import { type Answer, decode, encode, type Packet, type Question } from "dns-packet";

export interface ScriptedDns extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** Answers every question so; with `lieFirst`, after an answer with another id. */
  answer(records: readonly Answer[], options?: { readonly lieFirst?: boolean }): void;
  /** Answers as `script` says, question by question: a code, or records of the type that was asked for, and others in addition; or not at all. */
  follow(script: (question: Question) => string | readonly Answer[] | undefined): void;
  /** `TYPE NAME` of everything that was asked. */
  readonly asked: readonly string[];
  /** Answers with this code, and its header only, to every question with EDNS, which it does not know; to others as usual. */
  refuseEdns(code: string): void;
  /** Answers with this code, or not at all. */
  fail(code: string | undefined): void;
}

const codes: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
};

/** A name server that says what it is told to: what no well-kept server says on demand. */
export async function startScriptedDns(): Promise<ScriptedDns> {
  let records: readonly Answer[] = [];
  let code: string | undefined = "NOERROR";
  let lies = false;
  let toEdns: string | undefined;
  let script: Parameters<ScriptedDns["follow"]>[0] | undefined;
  const asked: string[] = [];
  const socket = dgram.createSocket("udp4");
  // Who asked may have gone, of which Bun tells.
  socket.on("error", () => {});
  socket.on("message", (bytes, from) => {
    if (code === undefined) return;
    const { id = 0, questions, additionals: extras = [] } = decode(bytes);
    const say = (packet: Packet): void => socket.send(encode(packet), from.port, from.address);
    const [question] = questions ?? [];
    if (!question) return;
    asked.push(`${question.type} ${question.name}`);
    if (toEdns !== undefined && extras.some(({ type }) => type === "OPT"))
      return say({ type: "response", id, flags: codes[toEdns] ?? 0 });
    if (script) {
      const said = script(question);
      if (said === undefined) return;
      const [flags, all] = typeof said === "string" ? [codes[said] ?? 0, []] : [0, said];
      const answers = all.filter(({ type }) => type === question.type);
      const additionals = all.filter(({ type }) => type !== question.type);
      return say({ type: "response", id, flags, questions: [question], answers, additionals });
    }
    const wrong: Answer[] = [{ type: "A", name: "a.test", data: "10.6.6.6" }];
    if (lies) say({ type: "response", id: id ^ 1, flags: 0, questions: questions ?? [], answers: wrong });
    say({ type: "response", id, flags: codes[code] ?? 0, questions: questions ?? [], answers: [...records] });
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    asked,
    follow(next) {
      script = next;
    },
    address: `127.0.0.1:${socket.address().port}`,
    answer(next, { lieFirst = false } = {}) {
      [records, code, lies] = [next, "NOERROR", lieFirst];
    },
    refuseEdns(next) {
      toEdns = next;
    },
    fail(next) {
      [records, code, lies] = [[], next, false];
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}
