/**
 * Which conference a COLIBRI2 request belongs to, on which worker it lives, and which requests
 * are refused before they reach one (jvb-control 2.2). One for the whole bridge.
 *
 * Requests of one meeting keep their order. A `create` that follows a request which may still end
 * the conference (an expire that no worker has answered yet) waits for that answer instead of
 * being refused with `conflict`: upstream's focus expires and creates again in the next stanza,
 * and would loop otherwise.
 */
import { Bug } from "#shared/runtime/bug";
import type { Random } from "#shared/runtime/runtime";
import type { ColibriError, ConferenceModify } from "#shared/stanza/colibri2";
import { refusal } from "../conference/refusal.ts";
import type { ColibriOutcome, Tag, ToWorker } from "../worker-messages.ts";

/** A conference that exists, as far as requests may know. */
export interface DirectoryEntry {
  /** Bridge-local id: 16 hex digits. */
  readonly conference: string;
  readonly meetingId: string;
  readonly worker: number;
}

/** What the caller must do, in order. */
export type DirectoryEffect =
  | { readonly kind: "send"; readonly worker: number; readonly message: ToWorker }
  | { readonly kind: "answer"; readonly tag: Tag; readonly outcome: ColibriOutcome };

export interface DirectoryOptions {
  readonly workers: number;
  readonly random: Random;
  /** Whether a conference name is the bare JID of a room. */
  readonly isRoomJid: (name: string) => boolean;
}

interface Waiting {
  readonly tag: Tag;
  readonly request: ConferenceModify;
}

interface Meeting {
  entry: DirectoryEntry | undefined;
  /** Requests that a worker has not answered, and those of them that may end the conference. */
  unanswered: number;
  ending: number;
  readonly waiting: Waiting[];
}

interface Outstanding {
  readonly entry: DirectoryEntry;
  readonly ending: boolean;
}

/** Whether the conference may be gone once this request is done (2.3 steps 6 and 7). */
function mayEnd(request: ConferenceModify): boolean {
  return (
    request.expire ||
    request.endpoints.some((endpoint) => endpoint.expire) ||
    request.relays.some((relay) => relay.expire)
  );
}

export class ConferenceDirectory {
  readonly #options: DirectoryOptions;
  readonly #meetings = new Map<string, Meeting>();
  readonly #byConference = new Map<string, DirectoryEntry>();
  readonly #outstanding = new Map<Tag, Outstanding>();
  /** Conferences by worker. */
  readonly #load: number[];
  #refusesCreation = false;

  constructor(options: DirectoryOptions) {
    this.#options = options;
    this.#load = new Array<number>(options.workers).fill(0);
  }

  /** Conferences known now. */
  get size(): number {
    return this.#byConference.size;
  }

  /** From now on `create` is refused with `graceful_shutdown`. */
  refuseCreation(): void {
    this.#refusesCreation = true;
  }

  /** The conference of a meeting, if requests would find one. */
  byMeeting(meetingId: string): DirectoryEntry | undefined {
    return this.#meetings.get(meetingId)?.entry;
  }

  byConference(conference: string): DirectoryEntry | undefined {
    return this.#byConference.get(conference);
  }

  /** Bridge-local ids of the conferences of one worker. */
  conferencesOn(worker: number): string[] {
    const entries = [...this.#byConference.values()];
    return entries.filter((entry) => entry.worker === worker).map(({ conference }) => conference);
  }

  /** Takes one request; it is answered by an effect of this call or of a later one. */
  handleRequest(tag: Tag, request: ConferenceModify): DirectoryEffect[] {
    let meeting = this.#meetings.get(request.meetingId);
    if (meeting === undefined) {
      meeting = { entry: undefined, unanswered: 0, ending: 0, waiting: [] };
      this.#meetings.set(request.meetingId, meeting);
    }
    meeting.waiting.push({ tag, request });
    return this.#drain(request.meetingId, meeting);
  }

  /** A worker answered. */
  handleDone(tag: Tag, outcome: ColibriOutcome, expired: boolean): DirectoryEffect[] {
    const outstanding = this.#outstanding.get(tag);
    if (outstanding === undefined) return [];
    this.#outstanding.delete(tag);
    const { entry, ending } = outstanding;
    const effects: DirectoryEffect[] = [{ kind: "answer", tag, outcome }];
    const meeting = this.#meetings.get(entry.meetingId);
    if (meeting === undefined) throw new Bug(`meeting without a record: ${entry.meetingId}`);
    meeting.unanswered--;
    if (ending) meeting.ending--;
    if (expired) this.#forget(meeting, entry);
    effects.push(...this.#drain(entry.meetingId, meeting));
    return effects;
  }

  /** A conference ended by itself. */
  handleExpired(conference: string): DirectoryEffect[] {
    const entry = this.#byConference.get(conference);
    if (entry === undefined) return [];
    const meeting = this.#meetings.get(entry.meetingId);
    if (meeting === undefined) throw new Bug(`meeting without a record: ${entry.meetingId}`);
    this.#forget(meeting, entry);
    return this.#drain(entry.meetingId, meeting);
  }

  /** A worker died: its conferences are gone and its unanswered requests fail. */
  handleWorkerGone(worker: number): DirectoryEffect[] {
    const effects: DirectoryEffect[] = [];
    const error = refusal("internal-server-error", "The media worker of the conference died");
    for (const [tag, { entry }] of [...this.#outstanding]) {
      if (entry.worker !== worker) continue;
      effects.push(...this.handleDone(tag, { ok: false, error }, true));
    }
    for (const entry of [...this.#byConference.values()]) {
      if (entry.worker === worker) effects.push(...this.handleExpired(entry.conference));
    }
    return effects;
  }

  #drain(meetingId: string, meeting: Meeting): DirectoryEffect[] {
    const effects: DirectoryEffect[] = [];
    for (;;) {
      const head = meeting.waiting[0];
      if (head === undefined) break;
      if (head.request.create && meeting.entry !== undefined && meeting.ending > 0) break;
      meeting.waiting.shift();
      this.#admit(meeting, head, effects);
    }
    const idle = meeting.waiting.length === 0 && meeting.unanswered === 0;
    if (idle && meeting.entry === undefined) this.#meetings.delete(meetingId);
    return effects;
  }

  #admit(meeting: Meeting, { tag, request }: Waiting, effects: DirectoryEffect[]): void {
    const id = request.meetingId;
    const refuse = (error: ColibriError): void => {
      effects.push({ kind: "answer", tag, outcome: { ok: false, error } });
    };
    let entry = meeting.entry;
    if (request.create) {
      if (entry !== undefined) {
        const text = `Conference already exists for ID: ${id}`;
        refuse(refusal("conflict", text, "conference_already_exists"));
        return;
      }
      if (this.#refusesCreation) {
        refuse(refusal("service-unavailable", "In graceful shutdown", "graceful_shutdown"));
        return;
      }
      if (request.name !== undefined && !this.#options.isRoomJid(request.name)) {
        refuse(refusal("bad-request", "Invalid conference name (not a JID)"));
        return;
      }
      entry = { conference: this.#newId(), meetingId: id, worker: this.#leastBusyWorker() };
      meeting.entry = entry;
      this.#byConference.set(entry.conference, entry);
      this.#count(entry.worker, 1);
      const { name, rtcstatsEnabled } = request;
      effects.push({
        kind: "send",
        worker: entry.worker,
        message: {
          kind: "createConference",
          conference: entry.conference,
          meetingId: id,
          name,
          rtcstatsEnabled,
        },
      });
    }
    if (entry === undefined) {
      const text = `Conference not found for ID: ${id}`;
      refuse(refusal("item-not-found", text, "conference_not_found"));
      return;
    }
    const ending = mayEnd(request);
    meeting.unanswered++;
    if (ending) meeting.ending++;
    this.#outstanding.set(tag, { entry, ending });
    effects.push({
      kind: "send",
      worker: entry.worker,
      message: { kind: "colibri", tag, conference: entry.conference, request },
    });
  }

  #forget(meeting: Meeting, entry: DirectoryEntry): void {
    if (this.#byConference.delete(entry.conference)) this.#count(entry.worker, -1);
    if (meeting.entry?.conference === entry.conference) meeting.entry = undefined;
  }

  #newId(): string {
    for (;;) {
      const id = Buffer.from(this.#options.random.bytes(8)).toString("hex");
      if (!this.#byConference.has(id)) return id;
    }
  }

  #leastBusyWorker(): number {
    return this.#load.indexOf(Math.min(...this.#load));
  }

  #count(worker: number, by: 1 | -1): void {
    this.#load[worker] = (this.#load[worker] ?? 0) + by;
  }
}
