/**
 * storage: the data directory. Its lock, files that are written whole or not at all, and the segment log, in which queued profiles
 * outlive outages, restarts and power cuts.
 *
 * Constraints:
 * - One process uses a directory at a time. The kernel's lock says so (flock), which a crash releases and containers share.
 * - What `append` and `save` resolved for is on disk, whatever happens then. What they rejected is not.
 * - Records are wanted at least once more after a crash, never fewer times: what is uncertain is sent again.
 * - Damage costs the record that it hits. What is damaged, foreign or of a later version is never deleted by reading it.
 * - Every bound holds at any time: bytes on disk, bytes held while reading, files set aside.
 * - No call blocks the event loop for longer than one buffer takes (limits.spoolReadBytes).
 * - Files are private to the user of the agent: 0600, in directories of 0700.
 * - All numbers in files are little-endian.
 *
 * On disk, below `storage.path`:
 *
 *     lock                                     held while an agent runs; says its process id to people
 *     NAME                                     what `save` wrote, until `take`
 *     spool/COMPONENT/                         one log
 *       0000000000000001.log                   a segment, named after the number of its first record
 *       0000000000000001.settled               its journal
 *       damaged/                               what could not be read
 *
 *     segment: header, record frames …         header: file-header.ts     frame: frame.ts    record: record.ts
 *     journal: header, entry frames …          entries: journal-entry.ts
 *
 * Writing: records are collected for `spoolCommitMs`, and then written and synced together (commit-loop.ts). A write that fails is cut off
 * again, so that a full disk leaves no half record behind. Where that fails too, or the whole file goes, its numbers are not used again,
 * because the disk may know it all the same. Journals are written as often, and synced every `spoolSettleMs`: what was settled later may
 * be wanted again after a power cut, and after any end where the journal could not be written (`onTidied`).
 *
 * Before anything is written it is made sure that the directory and the segment are still those that were opened (log-disk.ts): people
 * remove and replace directories while an agent runs.
 *
 * Reading: `open` reads every segment once and keeps 24 bytes of memory per record and a bit per owner. The last segment may end in the
 * middle of a record, where a process died: its end is cut off. Anywhere else what cannot be read is damage. Every frame begins with its
 * segment's random marker, at which reading goes on behind the damage. A journal with damage does not count at all, because the part
 * that is missing may say that somebody wants a record. What the disk cannot give is damage too; a file that cannot be opened is left
 * alone, and none of it keeps the other segments from being used. Where two segments claim one number, the later one has it. What the
 * disk cannot give later on is damage where it takes a write at that moment, and else may be there again.
 *
 * Deleting: a segment goes as a whole, once nobody wants anything of it, or when the log is above its bound and it is the oldest. Its log
 * file first and its journal last, so that a crash between the two brings nothing back. The segment that is written to goes when nothing
 * was written to it for `spoolIdleMs`, and when the log closes. A segment with damage is moved to `damaged/` instead. Segments of a later
 * version count in the bound and stay for `spoolNewerKeptMs` whatever needs room (newer-segments.ts). What cannot be deleted or moved counts
 * in the bound, and stops nothing else before that is reached (segment-trash.ts).
 *
 * What it does not do: know what a record means, compress or encrypt, bound what waits to be written (who appends does), share a
 * directory between processes, or rewrite a segment to win room.
 */
export { createDataDirectory, type DataDirectory, type DataDirectoryOptions } from "./data-directory.ts";
export type { RecordAge } from "./record-age.ts";
export type { AppendOptions, LostRecord, SpoolLog, SpoolLogOptions, SpoolRecord, SpoolStatus } from "./spool-log.ts";
export { StorageError, type StorageReason } from "./storage-error.ts";
