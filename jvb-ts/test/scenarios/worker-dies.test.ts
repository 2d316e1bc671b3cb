/** A media thread dies in mid-call: its conferences are gone, and everybody who waits is told. */
import { expect } from "chai";
import { creation, endpointRequest, modify, said } from "./requests.ts";
import { Stage } from "./stage.ts";

describe("a media worker that dies", () => {
  it("takes its conferences along: the focus is told, WebSockets are closed", async () => {
    const stage = new Stage();
    stage.workerDied = true;
    await stage.join("aaaa1111");
    const conference = stage.bridge.conferenceOf("meeting-1") ?? "";
    const answers: string[] = [];
    const request = modify({ endpoints: [creation("bbbb2222")] });
    void stage.bridge.colibri(request).then((outcome) => void answers.push(said(outcome)));
    stage.bridge.handleWorkerDeath(0);
    await stage.run(20);
    expect(answers).to.deep.equal([
      "internal-server-error: The media worker of the conference died",
    ]);
    expect(stage.closed).to.deep.equal([conference]);
    expect(stage.bridge.conferenceOf("meeting-1")).to.equal(undefined);
    const update = await stage.ask(modify({ endpoints: [endpointRequest("aaaa1111")] }));
    expect(said(update)).to.equal("conference_not_found: Conference not found for ID: meeting-1");
    const again = modify({ create: true, name: "room@conference.example" });
    expect(said(await stage.ask(again))).to.equal("ok");
  });
});
