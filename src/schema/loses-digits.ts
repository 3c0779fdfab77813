/** The value is not shown: it is no longer what was written, and may be a secret. */
export const losesDigitsMessage = "a number this large does not keep its digits; write it in quotes";

/** Whether a number is read as another one than was written, so that its text would be wrong. */
export function losesDigits(value: unknown): boolean {
  return (
    typeof value === "number" && (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
  );
}
