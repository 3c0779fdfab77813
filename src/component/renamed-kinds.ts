/** Names that kinds had in older systems; where one stands, the newer is meant (DESIGN, `phlare.scrape`). */
export const renamedKinds: Readonly<Record<string, string>> = { "phlare.write": "pyroscope.write" };
