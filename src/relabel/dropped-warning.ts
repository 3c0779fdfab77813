/** Targets in the file that the rules of a component drop: legal, and seldom meant. */
export function droppedWarning({ id, dropped, of }: { id: string; dropped: number; of: number }): string {
  return `${id}: the rules drop ${dropped} of ${of} targets in this file; "agent check --explain" shows which one does`;
}
