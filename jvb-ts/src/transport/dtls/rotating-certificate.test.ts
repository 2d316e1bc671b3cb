import { expect } from "chai";
import { VirtualRuntime } from "#shared/testing/virtual-runtime";
import type { DtlsCertificate, DtlsEngine } from "./dtls-engine.ts";
import { RotatingCertificate } from "./rotating-certificate.ts";

const DAY_MS = 24 * 3_600_000;

describe("the certificate of new transports", () => {
  it("is one for a day and then another, made when it is asked for", () => {
    const runtime = new VirtualRuntime();
    const made: DtlsCertificate[] = [];
    const engine: Pick<DtlsEngine, "createCertificate"> = {
      createCertificate() {
        const one = { fingerprintSha256: `${made.length}` };
        made.push(one);
        return one;
      },
    };
    const certificate = new RotatingCertificate(engine, runtime.clock);
    expect(made).to.have.length(0);
    const first = certificate.current;
    runtime.advance(DAY_MS);
    expect(certificate.current).to.equal(first);
    runtime.advance(1);
    const second = certificate.current;
    expect(second).not.to.equal(first);
    expect(certificate.current).to.equal(second);
    runtime.advance(3 * DAY_MS);
    expect(made).to.have.length(2);
  });
});
