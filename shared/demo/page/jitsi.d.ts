/** The part of lib-jitsi-meet that the page uses; the library itself ships no types for browsers. */

export interface JitsiTrack {
  getId(): string;
  getType(): "audio" | "video";
  getVideoType?(): "camera" | "desktop" | undefined;
  getParticipantId(): string;
  getSourceName?(): string | undefined;
  getTrack(): MediaStreamTrack;
  getOriginalStream(): MediaStream;
  isLocal(): boolean;
  isMuted(): boolean;
  mute(): Promise<void>;
  unmute(): Promise<void>;
  dispose(): Promise<void>;
  attach(element: HTMLMediaElement): Promise<void> | void;
  detach(element?: HTMLMediaElement): void;
  addEventListener(event: string, listener: (...args: never[]) => void): void;
}

export interface JitsiParticipant {
  getId(): string;
  getDisplayName(): string | undefined;
}

export interface ReceiverConstraints {
  lastN: number;
  onStageSources?: string[];
  selectedSources?: string[];
  defaultConstraints: { maxHeight: number };
  constraints: Record<string, { maxHeight: number }>;
}

/** A log-in under way. Rejected with one of these, or with neither when it was given up. */
export interface LoginFailure {
  readonly connectionError?: string;
  readonly authenticationError?: string;
  readonly message?: string;
}

/** Internal; there is no public way to log out, upstream's own page takes this one too. */
export interface Moderator {
  logout(done: () => void): void;
}

export interface JitsiConference {
  join(): void;
  isJoined(): boolean;
  /** Proves over a connection of its own who the user is; `id` is an address. */
  authenticateAndUpgradeRole(options: {
    readonly id: string;
    readonly password: string;
  }): Promise<void>;
  leave(): Promise<void>;
  myUserId(): string;
  isModerator(): boolean;
  isP2PActive(): boolean;
  addTrack(track: JitsiTrack): Promise<void>;
  removeTrack(track: JitsiTrack): Promise<void>;
  getLocalTracks(): JitsiTrack[];
  getParticipants(): JitsiParticipant[];
  getParticipantById(id: string): JitsiParticipant | undefined;
  setDisplayName(name: string): void;
  setReceiverConstraints(constraints: ReceiverConstraints): void;
  on(event: string, listener: (...args: never[]) => void): void;
  /** Called for each presence that has such an element; `id` is the participant's. */
  addCommandListener(name: string, listener: (element: unknown, id: string) => void): void;
  /** Internal: the moderator was the room's in 2022 and is the connection's now. */
  room?: { readonly moderator?: Moderator; readonly xmpp?: { readonly moderator?: Moderator } };
  /** Internal: what the presence of a person says of a source. */
  readonly _signalingLayer?: {
    getPeerSourceInfo(person: string, source: string): { readonly muted?: boolean } | undefined;
  };
  /** Internal, for statistics: the leg to the bridge and the direct one. */
  jvbJingleSession?: JingleSession | null;
  p2pJingleSession?: JingleSession | null;
}

export interface JingleSession {
  peerconnection?: { peerconnection?: RTCPeerConnection };
}

export interface JitsiConnection {
  connect(options?: unknown): void;
  disconnect(): Promise<unknown> | undefined;
  addEventListener(event: string, listener: (...args: never[]) => void): void;
  initJitsiConference(room: string, options: Record<string, unknown>): JitsiConference;
}

export interface JitsiMeet {
  init(options: Record<string, unknown>): void;
  setLogLevel(level: string): void;
  logLevels: Record<string, string>;
  version?: string;
  JitsiConnection: new (
    appId: null,
    token: null,
    options: Record<string, unknown>,
  ) => JitsiConnection;
  createLocalTracks(options: Record<string, unknown>): Promise<JitsiTrack[]>;
  errors: { conference: Record<string, string>; connection: Record<string, string> };
  events: {
    connection: Record<string, string>;
    conference: Record<string, string>;
    track: Record<string, string>;
  };
}

declare global {
  interface Window {
    JitsiMeetJS: JitsiMeet;
    /** What tests and curious people can reach from the console. */
    call?: unknown;
  }
}
