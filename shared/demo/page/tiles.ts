/** The tiles: one for each person's camera and one for each shared screen. */
import type { JitsiTrack } from "./jitsi.d.ts";

interface Tile {
  readonly key: string;
  readonly person: string;
  readonly box: HTMLElement;
  readonly label: HTMLElement;
  readonly none: HTMLElement;
  readonly figures: HTMLElement;
  video: { track: JitsiTrack; element: HTMLVideoElement } | undefined;
  audio: { track: JitsiTrack; element: HTMLAudioElement } | undefined;
}

/** A shared screen; the March 2022 library tells only by the source's name that a video is a second one. */
function isScreen(track: JitsiTrack): boolean {
  return track.getVideoType?.() === "desktop" || /-v[1-9]\d*$/.test(track.getSourceName?.() ?? "");
}

export class Tiles {
  readonly #root: HTMLElement;
  readonly #layoutChanged: () => void;
  readonly #mutedInRoom: (person: string, source: string) => boolean | undefined;
  readonly #tiles = new Map<string, Tile>();
  readonly #names = new Map<string, string>();
  #stage: string | undefined;

  /** `mutedInRoom` says what a person's presence says of one source; undefined: nothing. */
  constructor(
    root: HTMLElement,
    layoutChanged: () => void,
    mutedInRoom: (person: string, source: string) => boolean | undefined,
  ) {
    this.#root = root;
    this.#layoutChanged = layoutChanged;
    this.#mutedInRoom = mutedInRoom;
  }

  /** Shows a track on its person's tile; a shared screen gets a tile of its own. */
  add(person: string, name: string, track: JitsiTrack): void {
    this.#names.set(person, name);
    const screen = isScreen(track);
    const tile = this.#tile(screen ? `${person}/screen` : person, person);
    if (track.getType() === "video") {
      const element = document.createElement("video");
      element.autoplay = true;
      element.muted = true;
      element.playsInline = true;
      element.dataset["source"] = track.getSourceName?.() ?? track.getId();
      tile.video?.element.remove();
      tile.box.prepend(element);
      tile.video = { track, element };
      void track.attach(element);
    } else if (!track.isLocal()) {
      const element = document.createElement("audio");
      element.autoplay = true;
      tile.audio?.element.remove();
      tile.box.append(element);
      tile.audio = { track, element };
      void track.attach(element);
    } else {
      tile.audio = { track, element: document.createElement("audio") };
    }
    this.#describe(tile);
  }

  remove(track: JitsiTrack): void {
    for (const tile of this.#tiles.values()) {
      if (tile.video?.track === track) {
        track.detach(tile.video.element);
        tile.video.element.remove();
        tile.video = undefined;
        if (tile.key.endsWith("/screen")) this.#drop(tile);
      } else if (tile.audio?.track === track) {
        track.detach(tile.audio.element);
        tile.audio.element.remove();
        tile.audio = undefined;
      }
      this.#describe(tile);
    }
  }

  /** A person joined, or has a new name. */
  person(id: string, name: string): void {
    this.#names.set(id, name);
    this.#describe(this.#tile(id, id));
  }

  leave(id: string): void {
    for (const tile of [...this.#tiles.values()]) if (tile.person === id) this.#drop(tile);
  }

  speaker(id: string): void {
    for (const tile of this.#tiles.values())
      tile.box.classList.toggle("speaking", tile.person === id);
  }

  /** A track was switched on or off. */
  refresh(track: JitsiTrack): void {
    for (const tile of this.#tiles.values()) {
      if (tile.video?.track === track || tile.audio?.track === track) this.#describe(tile);
    }
  }

  /** The presence of a person says something else of their sources. */
  refreshPerson(id: string): void {
    for (const tile of this.#tiles.values()) if (tile.person === id) this.#describe(tile);
  }

  /** Writes on each tile who it is, and a line for each track by the id of its MediaStreamTrack. */
  figures(lines: ReadonlyMap<string, string>, ownId: string): void {
    for (const tile of this.#tiles.values()) {
      const seen = tile.video && (this.#isDark(tile.video.track) ? undefined : tile.video);
      const video = seen && lines.get(seen.track.getTrack().id);
      const heard = tile.audio?.track.isMuted() === true ? undefined : tile.audio;
      const audio = heard && lines.get(heard.track.getTrack().id);
      // By this the servers' view knows the person.
      const id = tile.person === "me" ? ownId : tile.person;
      tile.figures.textContent = [id, video, audio]
        .filter((line) => line !== undefined && line !== "")
        .join("\n");
    }
  }

  remoteSources(): string[] {
    return [...this.#tiles.values()].flatMap((tile) => {
      const name =
        tile.video?.track.isLocal() === false ? tile.video.track.getSourceName?.() : undefined;
      return name === undefined ? [] : [name];
    });
  }

  isOnStage(source: string): boolean {
    const tile = this.#stage === undefined ? undefined : this.#tiles.get(this.#stage);
    return tile?.video?.track.getSourceName?.() === source;
  }

  #tile(key: string, person: string): Tile {
    const known = this.#tiles.get(key);
    if (known !== undefined) return known;
    const make = (kind: string) => {
      const part = document.createElement("div");
      part.className = kind;
      return part;
    };
    const box = make("tile");
    box.dataset["person"] = key;
    box.title = "Click to put on stage";
    const tile: Tile = {
      key,
      person,
      box,
      none: make("none"),
      label: make("label"),
      figures: make("figures"),
      video: undefined,
      audio: undefined,
    };
    box.append(tile.none, tile.label, tile.figures);
    box.onclick = () => {
      this.#stage = this.#stage === key ? undefined : key;
      for (const each of this.#tiles.values())
        each.box.classList.toggle("stage", each.key === this.#stage);
      this.#layoutChanged();
    };
    this.#root.append(box);
    this.#tiles.set(key, tile);
    this.#layOut();
    return tile;
  }

  #drop(tile: Tile): void {
    tile.box.remove();
    this.#tiles.delete(tile.key);
    this.#layOut();
    if (this.#stage === tile.key) this.#stage = undefined;
  }

  /** As many columns as rows, or one more; the style sheet makes it one on a phone. */
  #layOut(): void {
    const shown = [...this.#tiles.values()].filter((tile) => !tile.box.hidden).length;
    this.#root.style.setProperty("--columns", String(Math.max(1, Math.ceil(Math.sqrt(shown)))));
  }

  /**
   * Whether a video is off.
   *
   * COMPAT(client): the library of March 2022 has one state for all videos of a person, that of the
   * one last heard of, and its presence may not name a second one: shared is then what is signalled.
   */
  #isDark(track: JitsiTrack): boolean {
    const source = track.isLocal() ? undefined : track.getSourceName?.();
    const said =
      source === undefined ? undefined : this.#mutedInRoom(track.getParticipantId(), source);
    return said ?? ((track.isLocal() || !isScreen(track)) && track.isMuted());
  }

  #describe(tile: Tile): void {
    const name = this.#names.get(tile.person) ?? tile.person;
    const screen = tile.key.endsWith("/screen");
    const muted = tile.audio?.track.isMuted() === true ? " · muted" : "";
    tile.label.textContent = screen ? `${name}: screen` : `${name}${muted}`;
    const shown = tile.video !== undefined && !this.#isDark(tile.video.track);
    if (tile.video !== undefined) tile.video.element.hidden = !shown;
    // A screen that is no longer shared stays as a muted source.
    tile.box.hidden = screen && !shown;
    this.#layOut();
    tile.none.hidden = shown;
    tile.none.textContent = name.slice(0, 1).toUpperCase();
  }
}
