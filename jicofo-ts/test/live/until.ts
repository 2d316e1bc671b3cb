/** Waits until `test` holds, asking every 20 ms; throws after `timeoutMs`. */
export async function until(
  test: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await test())) {
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${test}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
