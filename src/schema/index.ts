/**
 * schema: the building blocks of which every component kind makes the schema of its arguments.
 *
 * Constraints: a value is checked whole, so that every problem of a table comes out at once; each message says what was
 * expected and what was found, and never shows what may be a secret; every argument carries its description, default and
 * example, from which the published JSON schema and the reference pages are made.
 *
 * It knows no file, no position and no component: `config` adds where a problem stands and what may have been meant.
 */
export { argument, type ArgumentDoc, optional, typeName } from "./argument.ts";
export { found } from "./found.ts";
export { foundKind } from "./found-kind.ts";
export { crossCheck, type Report } from "./cross-check.ts";
export { labelNameProblem, labels, labelValue } from "./labels.ts";
export { notYet, notYetSentence } from "./not-yet.ts";
export { choice, duration, filePath, flag, number, type PathContext, size, text, word } from "./scalars.ts";
export { sameArguments } from "./same-arguments.ts";
export { secret, secretProblem, secretText, shownUrl } from "./secret.ts";
export { choose, isTable, type MapOptions, mapOf, oneOrMany, table, type TableOptions } from "./shapes.ts";
export { httpUrlProblem, secretUrl, serverUrl } from "./url.ts";
export { written, writtenKey } from "./written.ts";
