/**
 * The call page on a secure domain: a guest waits until somebody with an account opens the room, or
 * logs in; a guest in the room may log in to become moderator.
 */
import type { JitsiConference, LoginFailure } from "./jitsi.d.ts";

/** Pause between two tries to get into a room that no host has opened. */
const RETRY_MS = 5_000;

/** After a log-in the 2022 library joins by itself, newer ones do not. */
const JOIN_AFTER_LOGIN_MS = 1_000;

const element = <T extends HTMLElement>(id: string): T => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element #${id}`);
  return found as T;
};

/**
 * Whether the library keeps a session. The one of 2022 never says who is logged in: the event for it
 * goes out under no name.
 */
function hasSession(): boolean {
  try {
    return localStorage.getItem("sessionId") !== null;
  } catch {
    return false;
  }
}

export class Login {
  readonly #conference: JitsiConference;
  readonly #domain: string;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** `domain`: that of the accounts. */
  constructor(conference: JitsiConference, domain: string) {
    this.#conference = conference;
    this.#domain = domain;
    element("login-open").onclick = () => {
      if (element("login").hidden)
        this.#show("Log in", "With an account you become moderator of this call.");
      else element("login").hidden = true;
    };
    element("logout").onclick = () => this.#logOut();
    element<HTMLFormElement>("login").onsubmit = (event) => {
      event.preventDefault();
      void this.#logIn();
    };
  }

  /** The focus lets no guest open the room: asks again until it is open. */
  waitForHost(): void {
    if (element("login").hidden)
      this.#show(
        "Waiting for a host to open the room",
        "It opens by itself when one comes. If you have an account, log in.",
      );
    this.#joinAfter(RETRY_MS);
  }

  inRoom(): void {
    clearTimeout(this.#retry);
    element("login").hidden = true;
    this.roleChanged();
  }

  /** Who is moderator has no reason to log in, and who has no session none to log out. */
  roleChanged(): void {
    const joined = this.#conference.isJoined();
    element("login-open").hidden = !joined || this.#conference.isModerator();
    element("logout").hidden = !joined || !hasSession();
  }

  /** Ends the session, without which this browser is a guest again. */
  #logOut(): void {
    const { room } = this.#conference;
    (room?.xmpp?.moderator ?? room?.moderator)?.logout(() => location.reload());
  }

  #show(title: string, text: string): void {
    element("login-title").textContent = title;
    element("login-text").textContent = text;
    element("login-problem").textContent = "";
    element("login").hidden = false;
    element("account").focus();
  }

  #joinAfter(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (!this.#conference.isJoined()) this.#conference.join();
    }, ms);
  }

  async #logIn(): Promise<void> {
    const account = element<HTMLInputElement>("account").value.trim();
    const password = element<HTMLInputElement>("password");
    const trouble = element("login-problem");
    trouble.textContent = "";
    try {
      const id = account.includes("@") ? account : `${account}@${this.#domain}`;
      await this.#conference.authenticateAndUpgradeRole({ id, password: password.value });
    } catch (error) {
      const { connectionError, authenticationError, message } = error as LoginFailure;
      const wrong = connectionError === "connection.passwordRequired";
      const why = message ?? authenticationError ?? connectionError ?? "given up";
      trouble.textContent = wrong ? "Account or password is wrong" : `Not logged in: ${why}`;
      return;
    }
    password.value = "";
    element("login").hidden = true;
    if (!this.#conference.isJoined()) this.#joinAfter(JOIN_AFTER_LOGIN_MS);
  }
}
