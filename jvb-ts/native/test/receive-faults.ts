/** What receiving may answer: how many workers share the port, which call fails (1 recvmmsg, 2 poll), how. */
export const receiveFaults = [
  [1, 1, "ENOBUFS"],
  [1, 1, "ENOMEM"],
  [2, 1, "ENOBUFS"],
  [2, 2, "ENOMEM"],
  [2, 2, "EAGAIN"],
] as const;
