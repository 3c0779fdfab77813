import type { Hono } from "hono/tiny";
import { AgentError, formatDuration, preview } from "../base/index.ts";
import type { ComponentSnapshot } from "../component/index.ts";
import { labelsToJson, labelValue, type ProfileQuery, type ProfileStore, type StoredProfile } from "../model/index.ts";
import { rfc3339 } from "./json.ts";
import type { AppOptions } from "./options.ts";
import { badParameter, Parameters, wholeNumber } from "./parameters.ts";
import { answerProfile, mergedName, profileName } from "./profile-answer.ts";
import { profileParameters, profileQuery } from "./profile-query.ts";
import { RequestError } from "./request-error.ts";

/** How many stored profiles one answer lists unless asked, and at most. */
const listed = { usual: 100, most: 10_000 } as const;

/** A component that keeps profiles on this box. */
export interface OwnedStore {
  readonly component: string;
  readonly store: ProfileStore;
}

export function storesOf(components: readonly ComponentSnapshot[]): readonly OwnedStore[] {
  return components.flatMap(({ id, exports }) =>
    exports.profiles ? [{ component: id, store: exports.profiles }] : [],
  );
}

/**
 * `/api/v0/profiles` lists stored profiles, newest first; `/api/v0/profiles/ID` is one of them and `/api/v0/profiles/merge`
 * all that match in one, both as bytes that `go tool pprof URL` opens.
 */
export function addProfileRoutes(app: Hono, options: AppOptions): void {
  app.get("/api/v0/profiles", (c) => {
    const parameters = new Parameters(c.req.url, [...profileParameters, "limit"]);
    const query = profileQuery(parameters, options.clock.now());
    const limit = wholeNumber(parameters, "limit", listed.most) ?? listed.usual;
    const matching = chosenStores(parameters, options)
      .flatMap(({ component, store }) => store.list(query).map((profile) => ({ component, profile })))
      .sort((a, b) => b.profile.scrapedAtMs - a.profile.scrapedAtMs);
    return c.json({
      total: matching.length,
      profiles: matching.slice(0, limit).map(({ component, profile }) => storedProfileJson(component, profile)),
    });
  });
  app.get("/api/v0/profiles/merge", async (c) => {
    const parameters = new Parameters(c.req.url, profileParameters);
    const query = profileQuery(parameters, options.clock.now());
    return answerProfile(c, await merged(chosenStores(parameters, options), query), mergedName(query));
  });
  app.get("/api/v0/profiles/:id", (c) => {
    const id = c.req.param("id");
    for (const { store } of storesOf(options.components())) {
      const profile = store.get(id);
      if (profile) return answerProfile(c, profile.data, profileName(profile));
    }
    throw new RequestError(
      "not_found",
      `No stored profile "${preview(id)}": it was never kept or has aged out; /api/v0/profiles lists what there is`,
    );
  });
}

function chosenStores(parameters: Parameters, options: AppOptions): readonly OwnedStore[] {
  const stores = storesOf(options.components());
  const component = parameters.one("component");
  if (component === undefined) return stores;
  const chosen = stores.filter((owned) => owned.component === component);
  if (chosen.length > 0) return chosen;
  const known = stores.map((owned) => `"${owned.component}"`).join(", ") || "none";
  throw badParameter(`Component "${preview(component)}" keeps no profiles; those that do: ${known}`);
}

async function merged(stores: readonly OwnedStore[], query: ProfileQuery): Promise<Uint8Array> {
  const matching = stores.filter(({ store }) => store.list(query).length > 0);
  const [first, second] = matching;
  if (!first)
    throw new RequestError(
      "not_found",
      "No stored profile matches; /api/v0/profiles lists what there is to choose from",
    );
  if (second)
    throw badParameter(
      `Profiles of several components match; choose one, as with component=${first.component} or component=${second.component}`,
    );
  try {
    const data = await first.store.merge(query);
    if (data) return data;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    // The store's own words: what matches is of different types, or too much.
    throw thrown.reason === "too_many_merges"
      ? new RequestError("unavailable", thrown.message)
      : badParameter(thrown.message);
  }
  throw new RequestError("not_found", "The stored profiles that matched have just aged out; ask again");
}

function storedProfileJson(component: string, { id, labels, info, scrapedAtMs, bytes }: StoredProfile) {
  return {
    id,
    component,
    type: labelValue(labels, "__name__"),
    scraped_at: rfc3339(scrapedAtMs),
    duration: formatDuration(info.durationMs),
    sample_types: info.sampleTypes,
    samples: info.samples,
    bytes,
    uncompressed_bytes: info.rawBytes,
    labels: labelsToJson(labels),
    url: `/api/v0/profiles/${encodeURIComponent(id)}`,
  };
}
