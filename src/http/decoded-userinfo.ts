/** The user name or password of a URL as it is meant. */
export function decodedUserinfo(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A "%" that was never encoded: take the text as it stands.
    return text;
  }
}
