/** Fuzz targets of the RTP and RTCP views. */
import { ExtensionIterator } from "./header-extensions.ts";
import { readRembBps } from "./rtcp-build.ts";
import { isWellFormedRtcp, RtcpWalker } from "./rtcp-walk.ts";
import { RtpHeader } from "./rtp-header.ts";
import { decodeTwcc } from "./twcc.ts";

const header = new RtpHeader();
const iterator = new ExtensionIterator();
const walker = new RtcpWalker();
const ignore = (): void => {};

export const targets: Record<string, (input: Uint8Array) => void> = {
  "rtp-header": (input) => {
    if (!header.parse(input, 0, input.length)) return;
    const { extensionOffset, extensionLength, extensionProfile } = header;
    iterator.start(input, extensionOffset, extensionLength, extensionProfile);
    while (iterator.next());
  },
  "rtcp-walk": (input) => {
    isWellFormedRtcp(input, 0, input.length);
    walker.start(input, 0, input.length);
    while (walker.next()) {
      walker.reportBlockCount();
      readRembBps(input, walker.offset, walker.length);
      decodeTwcc(input, walker.offset, walker.length, ignore);
    }
  },
  twcc: (input) => {
    decodeTwcc(input, 0, input.length, ignore);
  },
};
