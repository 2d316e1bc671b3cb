/**
 * COMPAT(client): the library of March 2022 sets the parameters of a sender for each message of the
 * bridge without waiting for the last time. Two messages within milliseconds (nobody wants the
 * video, somebody does: upstream's bridge sends them as well) and the browser refuses the second,
 * so that the video stays off for good. Here they wait for each other.
 */
export function queueParameters(): void {
  const prototype = RTCRtpSender.prototype;
  const original = prototype.setParameters;
  const last = new WeakMap<RTCRtpSender, Promise<void>>();
  prototype.setParameters = function (this: RTCRtpSender, wanted: RTCRtpSendParameters) {
    const set = () => {
      const { transactionId } = this.getParameters();
      return original.call(this, { ...wanted, transactionId });
    };
    // Seen once with a third person joining: refused as if never asked. It is asked again, once.
    const insist = () =>
      set().catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "InvalidStateError") return set();
        throw error;
      });
    const before = last.get(this);
    const done = before === undefined ? insist() : before.then(insist, insist);
    last.set(this, done);
    return done;
  };
}
