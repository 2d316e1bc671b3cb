import { NS } from "#shared/xmpp/namespaces";
import { xml } from "#shared/xmpp/xml";
import { Authority } from "../authentication/authority.ts";
import { answerLoginUrl } from "./authentication-iq.ts";

const settings = {
  type: "XMPP",
  loginDomain: "example.com",
  lifetime: 1,
  autoLogin: true,
} as const;
const authority = new Authority(settings, () => "session");

/** Attributes of a question for the login's address. */
export const targets: Record<string, (input: Uint8Array) => void> = {
  loginUrl: (input) => {
    const [room, machine] = new TextDecoder().decode(input).split("\n");
    const payload = xml("login-url", { xmlns: NS.focus, room, "machine-uid": machine });
    answerLoginUrl(xml("iq", { id: "1" }, payload), payload, authority).toString();
    authority.logout(room ?? "");
  },
};

export const seeds: Record<string, Uint8Array[]> = {
  loginUrl: [new TextEncoder().encode("r@conference.example.com\nm1")],
};
