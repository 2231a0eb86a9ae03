// SPDX-License-Identifier: Apache-2.0

/** A browser opens six streams to one origin, over all its tabs: one that nobody looks at gives its place up after so long, milliseconds. */
const hiddenFor = 15_000;
const againAfter = 5000;

/**
 * Listens to a stream of server-sent events until the returned function is called; unless `unseen`, it lets go of it while the page
 * is hidden for longer. The browser reconnects by itself; a stream that was refused is tried again every five seconds.
 */
export const listen = (
  address: string,
  heard: Readonly<Record<string, (data: string) => void>>,
  onOpen: (open: boolean) => void,
  { unseen = false } = {},
): (() => void) => {
  let source: EventSource | undefined;
  let wait: ReturnType<typeof setTimeout> | undefined;
  const leave = (): void => {
    clearTimeout(wait);
    source?.close();
    source = undefined;
    onOpen(false);
  };
  const connect = (): void => {
    const one = new EventSource(address);
    source = one;
    one.addEventListener("open", () => onOpen(true));
    one.addEventListener("error", () => {
      onOpen(false);
      // A refusal closes for good; a node that restarts will answer again.
      if (one.readyState === EventSource.CLOSED && source === one) {
        source = undefined;
        wait = setTimeout(look, againAfter);
      }
    });
    for (const [name, hear] of Object.entries(heard))
      one.addEventListener(name, (message) => hear(String((message as MessageEvent).data)));
  };
  const look = (): void => {
    clearTimeout(wait);
    if (document.hidden && !unseen) wait = setTimeout(leave, hiddenFor);
    else if (source === undefined) connect();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    leave();
  };
};
