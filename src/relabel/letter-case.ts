/**
 * Upper and lower case as Go's strings package has them: letter by letter, whatever the language and the letters around. A letter whose
 * capital would be several (ß) stays as it is.
 */
export function lowerCase(text: string): string {
  // The one letter with a longer small form, İ, begins it with its simple one.
  return mapped(text, (letter) => String.fromCodePoint(letter.toLowerCase().codePointAt(0) as number));
}

export function upperCase(text: string): string {
  return mapped(text, (letter) => {
    const upper = letter.toUpperCase();
    return String.fromCodePoint(upper.codePointAt(0) as number) === upper ? upper : letter;
  });
}

function mapped(text: string, map: (letter: string) => string): string {
  return Array.from(text, map).join("");
}
