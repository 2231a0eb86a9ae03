// SPDX-License-Identifier: Apache-2.0
import { type ReactNode, useEffect, useRef, useState } from "react";

/**
 * The browser's own modal dialog: it keeps the focus inside and closes on Escape. The focus goes back to where it was, or, where that is gone,
 * to the page.
 */
export const Dialog = ({ label, onClose, children }: { label: string; onClose: () => void; children: ReactNode }) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const pressed = useRef(false);
  const [before] = useState(() => document.activeElement);
  useEffect(() => {
    const element = dialog.current;
    if (element !== null && !element.open) element.showModal();
    return () => {
      // A browser gives the focus back when a dialog is closed, not when it is taken out of the page.
      if (element?.isConnected || (document.activeElement !== document.body && document.activeElement !== null)) return;
      const place = before instanceof HTMLElement && before.isConnected ? before : document.getElementById("content");
      place?.focus({ preventScroll: true });
    };
  }, [before]);
  return (
    // A click on the backdrop closes, if it began there: who selects text may let go outside. By keyboard Escape does.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={dialog}
      aria-label={label}
      onClose={onClose}
      onPointerDown={(event) => {
        pressed.current = event.target === event.currentTarget;
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget && pressed.current) event.currentTarget.close();
      }}
    >
      {children}
    </dialog>
  );
};
