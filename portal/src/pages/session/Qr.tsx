// SPDX-License-Identifier: Apache-2.0
import { useMemo } from "react";
import { qrPath } from "./qr.ts";

/** For a camera: black on white in every theme. It is made here, so that what is in it goes nowhere. */
export const Qr = ({ text, label }: { readonly text: string; readonly label: string }) => {
  const { size, path } = useMemo(() => qrPath(text), [text]);
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
};
