/**
 * Runs in a worker of each page: draws what its camera or its screen shows, so that the picture goes on
 * while the page's main thread is busy, as a camera's does.
 */

/** What is drawn: the bits of a number as eight bars below a moving strip. */
interface Scene {
  readonly number: number;
  readonly width: number;
  readonly height: number;
  /**
   * With a band of fine noise below the strip: a picture of many lines takes about the rate it may, and in
   * one of few it is blurred.
   */
  readonly noisy: boolean;
  /** Where the pictures go. */
  readonly into: WritableStream<VideoFrame>;
}

/** The whole worker; its text goes into one, so it uses nothing from outside. */
// biome-ignore lint/correctness/noUnusedVariables: used by the probe, in the same script
function drawPictures(scope: {
  onmessage: ((event: { readonly data: Scene }) => void) | null;
  close(): void;
}): void {
  scope.onmessage = ({ data: { number, width, height, noisy, into } }) => {
    const writer = into.getWriter();
    // I420 made by hand: a canvas would have every picture drawn by a graphics process without a chip.
    const luma = width * height;
    const bytes = new Uint8Array((luma * 3) / 2).fill(128, luma);
    const bars = new Uint8Array(width);
    for (let x = 0; x < width; x++)
      bars[x] = (number >> Math.floor((x * 8) / width)) & 1 ? 235 : 16;
    for (let y = 0; y < height; y++) bytes.set(bars, y * width);
    let step = 0;
    // Of each page's own, and the same in each run (a linear congruential generator).
    let chance = number + 1;
    const draw16 = () => {
      chance = (Math.imul(chance, 1_664_525) + 1_013_904_223) >>> 0;
      return chance >>> 16;
    };
    const grain = Uint8Array.from({ length: 1 << 14 }, () => 96 + (draw16() & 63));
    const noise = () => {
      for (let y = height >> 2; y < height >> 1; y++) {
        const from = draw16() % (grain.length - width);
        bytes.set(grain.subarray(from, from + width), y * width);
      }
    };
    const draw = () => {
      const left = (step++ * 8) % width;
      for (let y = 0; y < height >> 3; y++) {
        bytes.set(bars, y * width);
        bytes.fill(128, y * width + left, y * width + Math.min(width, left + (width >> 3)));
      }
      if (noisy) noise();
      const picture = new VideoFrame(bytes, {
        format: "I420",
        codedWidth: width,
        codedHeight: height,
        timestamp: performance.now() * 1000,
      });
      writer.write(picture).catch(() => picture.close());
    };
    const timer = setInterval(draw, 66);
    draw();
    // The track was stopped.
    const end = () => {
      clearInterval(timer);
      scope.close();
    };
    writer.closed.then(end, end);
  };
}
