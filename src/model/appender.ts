import type { Profile } from "./profile.ts";

/**
 * Where profiles go next: a receiver. `append` resolves once the receiver has taken responsibility for the profile (it is
 * queued or kept), which is never as long as a push takes; it rejects when the receiver will not have it. The caller must not
 * change `profile.data` afterwards.
 */
export interface Appender {
  append(profile: Profile): Promise<void>;
}
