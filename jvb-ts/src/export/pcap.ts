/**
 * Capture files of decrypted packets (libpcap's format, https://www.tcpdump.org/manpages/pcap-savefile.5.html):
 * each packet behind Ethernet, IPv4 and UDP headers that name the bridge 127.0.0.1:123 and the
 * endpoint 192.0.2.0:456, as upstream's do.
 */

const MAGIC = 0xa1b2c3d4;
const ETHERNET = 1;
const SNAP_BYTES = 65_535;
const RECORD_BYTES = 16;
const ETHERNET_BYTES = 14;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const HEADER_BYTES = ETHERNET_BYTES + IP_BYTES + UDP_BYTES;
const BRIDGE = { address: 0x7f000001, port: 123 };
const ENDPOINT = { address: 0xc0000200, port: 456 };

/** What a file begins with. */
export function pcapHeader(): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt16BE(2, 4);
  bytes.writeUInt16BE(4, 6);
  bytes.writeUInt32BE(SNAP_BYTES, 16);
  bytes.writeUInt32BE(ETHERNET, 20);
  return bytes;
}

/** One packet, received from the endpoint or sent to it at `wallMs` (since the epoch). */
export function pcapRecord(packet: Uint8Array, isReceived: boolean, wallMs: number): Buffer {
  const length = HEADER_BYTES + packet.length;
  const bytes = Buffer.alloc(RECORD_BYTES + length);
  const seconds = Math.floor(wallMs / 1000);
  bytes.writeUInt32BE(seconds, 0);
  bytes.writeUInt32BE(Math.floor((wallMs - 1000 * seconds) * 1000), 4);
  bytes.writeUInt32BE(length, 8);
  bytes.writeUInt32BE(length, 12);
  const ip = RECORD_BYTES + ETHERNET_BYTES;
  bytes.writeUInt16BE(0x0800, ip - 2);
  const [from, to] = isReceived ? [ENDPOINT, BRIDGE] : [BRIDGE, ENDPOINT];
  bytes[ip] = 0x45;
  bytes.writeUInt16BE(IP_BYTES + UDP_BYTES + packet.length, ip + 2);
  bytes[ip + 8] = 64;
  bytes[ip + 9] = 17;
  bytes.writeUInt32BE(from.address, ip + 12);
  bytes.writeUInt32BE(to.address, ip + 16);
  bytes.writeUInt16BE(checksum(bytes, ip), ip + 10);
  const udp = ip + IP_BYTES;
  bytes.writeUInt16BE(from.port, udp);
  bytes.writeUInt16BE(to.port, udp + 2);
  bytes.writeUInt16BE(UDP_BYTES + packet.length, udp + 4);
  bytes.set(packet, udp + UDP_BYTES);
  return bytes;
}

/** Of an IPv4 header (RFC 1071). */
function checksum(bytes: Buffer, at: number): number {
  let sum = 0;
  for (let i = 0; i < IP_BYTES; i += 2) sum += bytes.readUInt16BE(at + i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~(sum + (sum >>> 16)) & 0xffff;
}
