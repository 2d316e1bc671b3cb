/** The Binding messages of ICE as bytes (RFC 8445 7.1, 7.3; RFC 8489 6.3). */
import type { SocketAddress } from "../../media/packet-io.ts";
import {
  Attribute,
  BINDING,
  type IceRoleAttribute,
  type StunMessage,
  StunWriter,
} from "../stun/stun-message.ts";

/** What every message of one agent ends with. */
export interface Signature {
  /** SOFTWARE; empty: none. Longer than RFC 8489 14.14 allows: cut. */
  readonly software: string;
  /** Key of MESSAGE-INTEGRITY: ours in answers, the peer's in requests. */
  readonly pwd: string;
}

/** A connectivity check. */
export interface CheckRequest {
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  /** ufrags: the peer's, colon, ours. */
  readonly username: string;
  /** Of the peer-reflexive candidate that the peer would learn from it. */
  readonly priority: number;
  readonly role: IceRoleAttribute;
  readonly useCandidate: boolean;
}

export function checkRequest(check: CheckRequest, signature: Signature): Uint8Array {
  const writer = new StunWriter("request", BINDING, check.transactionId)
    .string(Attribute.username, check.username)
    .uint32(Attribute.priority, check.priority)
    .role(check.role);
  if (check.useCandidate) writer.attribute(Attribute.useCandidate, new Uint8Array(0));
  return signed(writer, signature);
}

/** Success, with the address that the request came from. */
export function bindingSuccess(
  request: StunMessage,
  from: SocketAddress,
  signature: Signature,
): Uint8Array {
  return signed(answer("success", request).xorMapped(from), signature);
}

/** 487: the peer must take the other role. */
export function roleConflict(request: StunMessage, signature: Signature): Uint8Array {
  return signed(answer("error", request).error(487, "Role Conflict"), signature);
}

/** 420: the request has attributes that must be understood and are not. */
export function unknownAttributes(request: StunMessage, signature: Signature): Uint8Array {
  const list = Uint8Array.from(request.unknownRequired.flatMap((type) => [type >> 8, type & 255]));
  const writer = answer("error", request)
    .error(420, "Unknown Attribute")
    .attribute(Attribute.unknownAttributes, list);
  return signed(writer, signature);
}

function answer(messageClass: "success" | "error", request: StunMessage): StunWriter {
  return new StunWriter(messageClass, BINDING, request.bytes.subarray(8, 20));
}

function signed(writer: StunWriter, { software, pwd }: Signature): Uint8Array {
  if (software !== "") writer.string(Attribute.software, software.slice(0, 127));
  return writer.finish(pwd);
}
