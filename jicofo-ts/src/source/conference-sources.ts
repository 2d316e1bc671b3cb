import { err, ok, type Result } from "#shared/runtime/result";
import {
  type EndpointGroup,
  type EndpointSource,
  emptySet,
  groupKey,
  isEmpty,
  type SourceMedia,
  type SourceSet,
} from "./source-set.ts";

/** Limits per endpoint (`jicofo.conference.max-ssrcs-per-user`, `max-ssrc-groups-per-user`). */
export interface SourceLimits {
  readonly maxSsrcs: number;
  readonly maxGroups: number;
}

/**
 * All sources of a conference by owner. Each change is accepted whole or refused whole with a text
 * for the peer; accepted sets satisfy every rule of spec jicofo 4.8, so nothing else needs to check.
 */
export class ConferenceSources {
  readonly #limits: SourceLimits;
  readonly #sets = new Map<string, SourceSet>();
  readonly #ssrcOwner = new Map<number, string>();
  /** Owner of each msid, and how many of its sources carry it. */
  readonly #msids = new Map<string, { owner: string; count: number }>();

  constructor(limits: SourceLimits) {
    this.#limits = limits;
  }

  /** The sets by owner, in the order in which the owners first had sources. */
  get sets(): ReadonlyMap<string, SourceSet> {
    return this.#sets;
  }

  get(owner: string): SourceSet {
    return this.#sets.get(owner) ?? emptySet;
  }

  /** Adds all of `added`, or nothing. The value is the endpoint's new set. */
  add(owner: string, added: SourceSet): Result<SourceSet, string> {
    const before = this.get(owner);
    const fresh = new Set<number>();
    for (const source of added.sources) {
      const { ssrc, msid } = source;
      if (!Number.isInteger(ssrc) || ssrc < 1 || ssrc > 0xffff_ffff)
        return err(`Invalid SSRC: ${ssrc}.`);
      if (fresh.has(ssrc) || this.#ssrcOwner.has(ssrc))
        return err(`SSRC is already used: ${ssrc}.`);
      const user = msid === undefined ? undefined : this.#msids.get(msid);
      if (user !== undefined && user.owner !== owner) return err(`MSID is already used: ${msid}.`);
      if (before.sources.length + fresh.size + 1 > this.#limits.maxSsrcs) {
        return err(`SSRC limit (${this.#limits.maxSsrcs}) exceeded.`);
      }
      fresh.add(ssrc);
    }
    const sources = [...before.sources, ...added.sources];
    const ssrcs = new Set(sources.map((source) => source.ssrc));
    const groups = [...before.groups];
    const keys = new Set(groups.map(groupKey));
    for (const group of added.groups) {
      if (group.ssrcs.length === 0 || keys.has(groupKey(group))) continue;
      if (group.ssrcs.some((ssrc) => !ssrcs.has(ssrc))) {
        return err(
          `An SSRC group contains an SSRC, which hasn't been signaled as a source: [${group.ssrcs.join(", ")}].`,
        );
      }
      keys.add(groupKey(group));
      groups.push(group);
      if (groups.length > this.#limits.maxGroups) {
        return err(`ssrc-group limit (${this.#limits.maxGroups}) exceeded.`);
      }
    }
    const after = { sources, groups };
    const fault = faultOf(after);
    if (fault !== undefined) return err(fault);
    this.#replace(owner, before, after);
    return ok(after);
  }

  /** Removes all of `removed`, matched by SSRC, or nothing. The value is the endpoint's new set. */
  remove(owner: string, removed: SourceSet): Result<SourceSet, string> {
    const before = this.get(owner);
    const missing = `Source does not exist or is not owned by endpoint ${owner}`;
    if (isEmpty(before)) return err(missing);
    const known = new Set(before.sources.map((source) => source.ssrc));
    const gone = new Set<number>();
    for (const { ssrc } of removed.sources) {
      if (!known.has(ssrc)) return err(`${missing}: ${ssrc}.`);
      gone.add(ssrc);
    }
    const keys = new Set(before.groups.map(groupKey));
    const goneGroups = new Set<string>();
    for (const group of removed.groups) {
      if (group.ssrcs.length === 0) continue;
      if (!keys.has(groupKey(group))) return err("Source group does not exist");
      goneGroups.add(groupKey(group));
    }
    const after = {
      sources: before.sources.filter((source) => !gone.has(source.ssrc)),
      groups: before.groups.filter(
        (group) => !goneGroups.has(groupKey(group)) && !group.ssrcs.some((ssrc) => gone.has(ssrc)),
      ),
    };
    const fault = faultOf(after);
    if (fault !== undefined) return err(fault);
    this.#replace(owner, before, after);
    return ok(after);
  }

  /** Forgets everything of an owner; returns what it had. */
  removeOwner(owner: string): SourceSet {
    const before = this.get(owner);
    this.#replace(owner, before, emptySet);
    return before;
  }

  #replace(owner: string, before: SourceSet, after: SourceSet): void {
    for (const { ssrc, msid } of before.sources) {
      this.#ssrcOwner.delete(ssrc);
      const user = msid === undefined ? undefined : this.#msids.get(msid);
      if (msid !== undefined && user !== undefined && --user.count === 0) this.#msids.delete(msid);
    }
    for (const { ssrc, msid } of after.sources) {
      this.#ssrcOwner.set(ssrc, owner);
      if (msid === undefined) continue;
      const user = this.#msids.get(msid);
      if (user === undefined) this.#msids.set(msid, { owner, count: 1 });
      else user.count++;
    }
    if (isEmpty(after)) this.#sets.delete(owner);
    else this.#sets.set(owner, after);
  }
}

/** The first rule that a complete set of one endpoint breaks, as a text for the peer. */
function faultOf(set: SourceSet): string | undefined {
  const bySsrc = new Map(set.sources.map((source) => [source.ssrc, source]));
  for (const group of set.groups) {
    if (group.semantics === "FID" && group.ssrcs.length !== 2) {
      return `Invalid FID group: [${group.ssrcs.join(", ")}].`;
    }
    const msids = group.ssrcs.map((ssrc) => bySsrc.get(ssrc)?.msid);
    if (msids.includes(undefined)) return "Required source parameter 'msid' is not present.";
    if (new Set(msids).size > 1) {
      return `SsrcGroup contains sources with different MSIDs: [${msids.join(", ")}].`;
    }
  }
  return sharedMsid(set, "audio") ?? sharedMsid(set, "video");
}

/** Two independent streams of one kind of media must not share an msid. */
function sharedMsid(set: SourceSet, media: SourceMedia): string | undefined {
  const streamOf = streams(
    set.sources.filter((source) => source.media === media),
    set.groups,
  );
  const users = new Map<string, number>();
  for (const [source, stream] of streamOf) {
    if (source.msid === undefined) continue;
    const user = users.get(source.msid);
    if (user !== undefined && user !== stream) return `MSID is already used: ${source.msid}.`;
    users.set(source.msid, stream);
  }
  return undefined;
}

/** Which stream each source is part of: sources joined by groups, directly or not, are one. */
function streams(
  sources: readonly EndpointSource[],
  groups: readonly EndpointGroup[],
): Map<EndpointSource, number> {
  const parent = new Map<number, number>(sources.map(({ ssrc }) => [ssrc, ssrc]));
  const root = (ssrc: number): number => {
    let at = ssrc;
    for (let up = parent.get(at); up !== undefined && up !== at; up = parent.get(at)) at = up;
    return at;
  };
  for (const { ssrcs } of groups) {
    const members = ssrcs.filter((ssrc) => parent.has(ssrc));
    const first = members[0];
    if (first === undefined) continue;
    for (const member of members) parent.set(root(member), root(first));
  }
  return new Map(sources.map((source) => [source, root(source.ssrc)]));
}
