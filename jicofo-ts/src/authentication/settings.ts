import type { Millis } from "#shared/runtime/runtime";

/** How users prove who they are (spec jicofo 2.4); without any of it everybody may create rooms. */
export interface AuthenticationSettings {
  /** `XMPP`: accounts of the server; `JWT`: tokens that the server has verified. */
  readonly type: "XMPP" | "JWT";
  /** Domain whose users are authenticated, normalised as the domain of an address is. */
  readonly loginDomain: string;
  /** How long a session lasts that nobody uses. */
  readonly lifetime: Millis;
  /** `false`: a session ends with the conference it was made for. */
  readonly autoLogin: boolean;
}

/** What is fixed where tokens are used: the server asks for the token anew each time. */
export const jwtSessions: Pick<AuthenticationSettings, "lifetime" | "autoLogin"> = {
  lifetime: 60_000,
  autoLogin: false,
};
