import { describe, expect, test } from "bun:test";
import { noProxyProblems, parseNoProxy } from "../../src/http/proxy/no-proxy.ts";

const direct = true;
const proxied = false;

const rows: readonly (readonly [list: string, url: string, isDirect: boolean])[] = [
  // Without an entry: only this machine.
  ["", "http://example.com", proxied],
  ["", "http://localhost", direct],
  ["", "https://LOCALHOST:8443/x", direct],
  ["", "http://localhost.:80", direct],
  ["", "http://127.0.0.1:4040", direct],
  ["", "http://127.9.9.9", direct],
  ["", "http://[::1]:4040", direct],
  ["", "http://[::ffff:127.0.0.1]", direct],
  ["", "http://128.0.0.1", proxied],
  ["", "http://[::2]", proxied],
  ["", "http://0.0.0.0", proxied],
  ["", "http://localhost.example.com", proxied],
  [" , ,", "http://example.com", proxied],
  // Everything.
  ["*", "http://example.com", direct],
  ["*", "https://[2001:db8::1]:8443", direct],
  ["other.test, *", "http://10.0.0.1", direct],
  ["*:80", "http://example.com", proxied],
  // A name, with its sub-domains.
  ["example.com", "http://example.com", direct],
  ["example.com", "https://a.b.example.com:8443", direct],
  ["example.com", "http://notexample.com", proxied],
  ["example.com", "http://example.com.evil.test", proxied],
  ["com", "http://example.com", direct],
  ["Example.COM", "http://shop.EXAMPLE.com", direct],
  ["example.com.", "http://example.com", direct],
  ["example.com", "http://example.com.", direct],
  ["pyroscope", "http://pyroscope:4040", direct],
  ["my_service.local", "http://my_service.local", direct],
  ["bücher.example", "http://shop.bücher.example", direct],
  ["xn--bcher-kva.example", "http://bücher.example", direct],
  // Sub-domains only.
  [".example.com", "http://shop.example.com", direct],
  [".example.com", "http://example.com", proxied],
  ["*.example.com", "http://shop.example.com", direct],
  ["*.example.com", "http://example.com", proxied],
  // Ports, the scheme's own included.
  ["example.com:8080", "http://example.com:8080", direct],
  ["example.com:8080", "http://shop.example.com:8080", direct],
  ["example.com:8080", "http://example.com", proxied],
  ["example.com:80", "http://example.com", direct],
  ["example.com:443", "https://example.com", direct],
  ["example.com:443", "http://example.com", proxied],
  ["example.com:", "http://example.com:9", direct],
  [".example.com:81", "http://a.example.com:81", direct],
  // Addresses.
  ["10.1.2.3", "http://10.1.2.3", direct],
  ["10.1.2.3", "http://10.1.2.33", proxied],
  ["10.1.2.3", "http://[::ffff:10.1.2.3]", direct],
  ["10.1.2.3:8080", "http://10.1.2.3:8080", direct],
  ["10.1.2.3:8080", "http://10.1.2.3", proxied],
  ["2001:db8::1", "http://[2001:db8:0:0::1]", direct],
  ["2001:DB8::1", "http://[2001:db8::1]:90", direct],
  ["[2001:db8::1]", "http://[2001:db8::1]", direct],
  ["[2001:db8::1]:8080", "http://[2001:db8::1]:8080", direct],
  ["[2001:db8::1]:8080", "http://[2001:db8::1]", proxied],
  ["2001:db8::1", "http://[2001:db8::2]", proxied],
  ["0.0.1", "http://10.0.0.1", proxied],
  // Blocks.
  ["10.0.0.0/8", "http://10.255.0.1", direct],
  ["10.0.0.0/8", "http://11.0.0.1", proxied],
  ["10.1.2.3/8", "http://10.9.9.9", direct],
  ["192.168.4.0/22", "http://192.168.7.255", direct],
  ["192.168.4.0/22", "http://192.168.8.0", proxied],
  ["10.0.0.0/8", "http://[::ffff:10.1.1.1]", direct],
  ["fd00::/8", "http://[fd12:3456::1]", direct],
  ["fd00::/8", "http://[fe80::1]", proxied],
  ["0.0.0.0/0", "http://8.8.8.8", direct],
  ["10.0.0.0/8", "http://ten.example.com", proxied],
  ["10.0.0.0/33", "http://10.0.0.1", proxied],
  ["10.0.0.0/x", "http://10.0.0.1", proxied],
  // Several, and what is none.
  ["a.test,b.test", "http://b.test", direct],
  ["a.test b.test\tc.test", "http://c.test", direct],
  ["a.test , 10.0.0.0/8,", "http://10.0.0.1", direct],
  [".", "http://example.com", proxied],
  [":80", "http://example.com", proxied],
  ["[", "http://example.com", proxied],
  ["http://example.com", "http://http", proxied],
  ["example.com/path", "http://example.com", proxied],
  ["edge@example.com", "http://example.com", proxied],
];

describe("no_proxy", () => {
  test.each(rows)("%j lets %s go directly: %j", (list, url, isDirect) => {
    expect(parseNoProxy(list)(new URL(url))).toBe(isDirect);
  });
});

describe("An entry of no_proxy that matches nothing", () => {
  const problems: readonly (readonly [entry: string, problem: string])[] = [
    ["10.0.0.0/33", "behind the / belongs a number from 0 to 32"],
    ["10.0.0.0/", "behind the / belongs a number from 0 to 32"],
    ["10.0.0.0/x:80", "behind the / belongs a number from 0 to 32"],
    ["10.0.0.0/255.0.0.0", "behind the / belongs a number from 0 to 32"],
    ["fd00::/129", "behind the / belongs a number from 0 to 128"],
    ["10.0.0/8", "before the / stands no IP address; a block is written as 10.0.0.0/8"],
    ["example.com/path", "before the / stands no IP address; a block is written as 10.0.0.0/8"],
    ["10.0.0.300", "it is no IP address; a block of them is written as 10.0.0.0/8"],
    ["10.0.", "it is no IP address; a block of them is written as 10.0.0.0/8"],
    ["10.*", "a * stands alone, or for all sub-domains as in *.example.com"],
    ["*:80", "a * stands alone, or for all sub-domains as in *.example.com"],
    ["*.", "it names no host"],
    [":80", "it names no host"],
    ["example.com:0", "a port is a number from 1 to 65535"],
    ["example.com:70000", "a port is a number from 1 to 65535"],
  ];
  test.each(problems)("is told of: %j", (entry, problem) => {
    expect(noProxyProblems(`example.com, ${entry}`)).toEqual([`"${entry}" matches nothing: ${problem}`]);
    const isDirect = parseNoProxy(entry);
    for (const url of ["http://example.com", "http://10.0.0.1", "http://[fd00::1]"])
      expect(isDirect(new URL(url))).toBe(false);
  });

  test("is shown without the password of a URL", () => {
    expect(noProxyProblems("http://u:s3cret@h")).toEqual(['"http://…@h" matches nothing: write the host alone']);
  });
});
