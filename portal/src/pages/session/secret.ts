// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";

/**
 * The secret in the fragment of the address, which no server, log or mail scanner sees. It is taken out of the address at once, so
 * that neither the history nor a screenshot keeps it; `keep` leaves it there, for pages that are opened again. A second link that is opened
 * in the same tab changes nothing but the fragment: the page follows it.
 */
export const useSecret = (keep = false): string => {
  const [secret, setSecret] = useState(() => location.hash.slice(1));
  useEffect(() => {
    const take = (): void => {
      if (keep || location.hash !== "") setSecret(location.hash.slice(1));
      if (!keep && location.hash !== "") history.replaceState(history.state, "", location.pathname + location.search);
    };
    take();
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, [keep]);
  return /^[A-Za-z0-9_-]{16,256}$/.test(secret) ? secret : "";
};
