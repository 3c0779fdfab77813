import { describe, expect, test } from "bun:test";
import process from "node:process";
import { formatUnixUrl, isUnixUrl, meantUnixUrl, parseUnixUrl, unixUrlProblem } from "../../src/http/unix-url.ts";

describe("parseUnixUrl()", () => {
  const table: readonly (readonly [text: string, socketPath: string, url: string])[] = [
    ["unix:///run/app.sock", "/run/app.sock", "http://localhost/"],
    ["unix:///run/app.sock:/", "/run/app.sock", "http://localhost/"],
    ["UNIX:///run/App.sock:/p", "/run/App.sock", "http://localhost/p"],
    [
      "unix:///run/app.sock:/debug/pprof/heap?seconds=1",
      "/run/app.sock",
      "http://localhost/debug/pprof/heap?seconds=1",
    ],
    ["unix:///run/a%20b%3A1%25.sock:/a%20b", "/run/a b:1%.sock", "http://localhost/a%20b"],
    ["unix:///run/app@1.sock:/x:y@z", "/run/app@1.sock", "http://localhost/x:y@z"],
    ["unix:///run/größe.sock", "/run/größe.sock", "http://localhost/"],
    // No other host, however much it looks like one.
    ["unix:///run/app.sock://h/p", "/run/app.sock", "http://localhost//h/p"],
  ];
  for (const [text, socketPath, url] of table)
    test(`takes ${text} apart`, () => {
      const parsed = parseUnixUrl(text);
      expect({ socketPath: parsed?.socketPath, url: parsed?.url.href }).toEqual({ socketPath, url });
    });

  for (const text of ["http://localhost/", "unix:6060", "/run/app.sock", "unix://run/app.sock", "unix:///run/%zz", ""])
    test(`takes "${text}" for no unix URL`, () => expect(parseUnixUrl(text)).toBeUndefined());
});

describe("formatUnixUrl()", () => {
  for (const path of ["/run/app.sock", "/run/a b:1%?#.sock", "/run/größe@1.sock"])
    test(`writes ${path} as parseUnixUrl() reads it`, () => {
      expect(parseUnixUrl(formatUnixUrl(path))?.socketPath).toBe(path);
      expect(parseUnixUrl(formatUnixUrl(path, "/p?q=1"))?.socketPath).toBe(path);
      expect(parseUnixUrl(formatUnixUrl(path, "/p?q=1"))?.url.href).toBe("http://localhost/p?q=1");
    });

  test("leaves an ordinary path as it is", () => {
    expect(formatUnixUrl("/run/app.sock")).toBe("unix:///run/app.sock");
    expect(formatUnixUrl("/run/app.sock", "/prefix")).toBe("unix:///run/app.sock:/prefix");
  });
});

describe("isUnixUrl()", () => {
  test("tells a socket from a host called unix", () => {
    expect(["unix:///run/app.sock", "unix:/x", "UNIX://x"].map(isUnixUrl)).toEqual([true, true, true]);
    expect(["unix:6060", "unix", "http://unix:/x", "/run/unix:/x"].map(isUnixUrl)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("unixUrlProblem()", () => {
  const absolute = 'a unix socket needs its absolute path, as in "unix:///run/app.sock"; found';
  const meant = "a unix socket needs its absolute path behind unix://; write";
  const table: readonly (readonly [text: string, problem: string])[] = [
    ["unix:/run/app.sock", `${meant} "unix:///run/app.sock"`],
    ["unix://run/app.sock:/prefix", `${meant} "unix:///run/app.sock:/prefix"`],
    ["unix://localhost/run/app.sock", `${meant} "unix:///run/app.sock"`],
    ["unix://app.sock", `${absolute} "unix://app.sock"`],
    ["unix://./app.sock", `${absolute} "unix://./app.sock"`],
    ["unix://u:hunter2@/run/app.sock", `${absolute} "unix:///run/app.sock"`],
    ["unix:///run/my app.sock", 'must not hold a space; write it as "%20", found "unix:///run/my app.sock"'],
    ["unix:///run/app.sock?seconds=1", "a query needs a path before it: unix:///run/app.sock:/path?query"],
    [
      "unix:///run/app.sock:6060",
      'behind the colon stands an HTTP path such as "/prefix"; a colon in the path of the socket is written "%3A"',
    ],
    ["unix:///run/100%.sock", '"%" stands for itself only as "%25"; found "/run/100%.sock"'],
    ["unix:///run/%00.sock", "the path of a socket holds no zero byte"],
    ["unix:///run/", '"/run/" is a directory; name the socket in it'],
    ["unix:///", '"/" is a directory; name the socket in it'],
  ];
  for (const [text, problem] of table)
    test(`says what is wrong with ${text}`, () => {
      expect(unixUrlProblem(text)).toBe(problem);
      expect(parseUnixUrl(text)).toBeUndefined();
    });

  test.skipIf(process.platform !== "linux")(
    "counts the bytes of the decoded path against what the system takes",
    () => {
      const longest = `unix:///${"ö".repeat(52)}x%78`;
      expect(unixUrlProblem(longest)).toBeUndefined();
      expect(unixUrlProblem(`${longest}y:/some/path`)).toMatch(
        /^the path of the socket has 108 bytes, but this system takes at most 107; let the process listen at a shorter path/,
      );
    },
  );
});

describe("meantUnixUrl()", () => {
  const table: readonly (readonly [text: string, meant: string | undefined])[] = [
    ["/run/app.sock", "unix:///run/app.sock"],
    ["unix:/run/app.sock:/p", "unix:///run/app.sock:/p"],
    ["http://unix:/run/app.sock:/p", "unix:///run/app.sock:/p"],
    ["http+unix://%2Frun%2fapp.sock/p", "unix:///run/app.sock:/p"],
    ["http+unix://%2Frun%2Fapp.sock/", "unix:///run/app.sock"],
    ["unix:///run/app.sock", undefined],
    ["unix:6060", undefined],
    ["unix://app.sock", undefined],
    ["http://localhost:6060", undefined],
    ["//host/path", undefined],
    ["localhost/path", undefined],
    ["/run/token?x=hunter2", undefined],
    [`/${"x".repeat(200)}`, undefined],
  ];
  for (const [text, meant] of table)
    test(`takes ${text} for ${meant ?? "nothing it knows"}`, () => expect(meantUnixUrl(text)).toBe(meant));
});
