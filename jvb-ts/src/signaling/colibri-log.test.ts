import { expect } from "chai";
import { parseXml, serialise, xml } from "#shared/xmpp/xml";
import { colibriLogText } from "./colibri-log.ts";

const request = `<conference-modify xmlns="jitsi:colibri2" meeting-id="m"><endpoint id="e"><transport><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="uf" pwd="SECRET1"><candidate ip="198.51.100.7" port="5" rel-addr="10.0.0.9"/><web-socket xmlns="http://jitsi.org/protocol/colibri" url="wss://h/colibri-ws/s/c/e?pwd=SECRET2"/></transport></transport></endpoint><connects><connect id="c" url="wss://u:SECRET4@r:8443/in?token=SECRET5#SECRET6"/><connect id="d" url="wss://r/in"><http-header name="Authorization" value="SECRET3"/></connect></connects></conference-modify>`;

describe("COLIBRI2 in the log", () => {
  const read = parseXml(request);
  if (!read.ok) throw new Error(read.error);

  for (const hide of [true, false]) {
    it(`B-151 has no secrets, and addresses only where they may be (hidden: ${hide})`, () => {
      const text = colibriLogText(read.value, hide);
      expect(text).to.not.contain("SECRET");
      expect(text.includes("198.51.100.7")).to.equal(!hide);
      expect(text.includes("10.0.0.9")).to.equal(!hide);
      for (const part of [
        'meeting-id="m"',
        'ufrag="uf"',
        'port="5"',
        "wss://h/colibri-ws/s/c/e",
        "r:8443/in",
        "wss://r/in",
      ]) {
        expect(text).to.contain(part);
      }
    });
  }

  for (const [url, shown] of [
    ["wss://h/colibri-ws/s/c/e?pwd=SECRET", "wss://h/colibri-ws/s/c/e?hidden"],
    ["wss://u:SECRET@h/in", "wss://hidden@h/in"],
    ["wss://u:SECRET@SECRET@h/in?a=/SECRET@x", "wss://hidden@h/in?hidden"],
    ["u:SECRET@h", "hidden@h"],
    ["//SECRET@h:1/in#SECRET", "//hidden@h:1/in#hidden"],
    ["wss://h/a@b/c\n?SECRET", "wss://h/a@b/c\n?hidden"],
    ["active", "active"],
  ] as const) {
    it(`has ${JSON.stringify(url)} without what opens it`, () => {
      const text = colibriLogText(xml("connect", { url }), false);
      expect(text).to.equal(serialise(xml("connect", { url: shown })));
    });
  }

  it("B-151 leaves the request itself alone", () => {
    const before = read.value.toString();
    colibriLogText(read.value, true);
    expect(read.value.toString()).to.equal(before);
  });
});
