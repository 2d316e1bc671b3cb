import { mucClientFaultText, parseMucClient } from "./muc-client-config.ts";

export const targets: Record<string, (input: Uint8Array) => void> = {
  /** Lines of `name=value`, as the properties of `/colibri/muc-client/add`. */
  mucClient(input) {
    const lines = Buffer.from(input).toString("utf8").split("\n");
    const properties = lines.map((line): [string, string] => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    });
    const parsed = parseMucClient("id", new Map(properties));
    if (!parsed.ok) mucClientFaultText(parsed.error);
  },
};
export const seeds: Record<string, Uint8Array[]> = {
  mucClient: [
    Buffer.from(
      "HOSTNAME=x.example\nPORT=5222\nDOMAIN=auth.x\nUSERNAME=jvb\nPASSWORD=p\nMUC_JIDS=a@b,c@d\nMUC_NICKNAME=n",
    ),
  ],
};
