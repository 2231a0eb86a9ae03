// SPDX-License-Identifier: Apache-2.0
import { type Static } from "typebox";
import { Count, Time, oneOf, orNull, strict } from "../shapes.ts";
import { Done, Id, OrganisationId, base, scope, some, text } from "./shapes.ts";

/** What `/` finds on the desk: cases by number or words, organisations by name, networks, alerts by address, people for staff. */
export const DeskSearchQuery = strict({ q: text(100, 1), ...scope });
export const DeskSearch = strict({
  rows: some(
    strict({
      kind: oneOf(["case", "organisation", "network", "alert", "campaign"]),
      label: text(200),
      detail: orNull(text(200)),
      case: orNull(Count),
      organisation: orNull(OrganisationId),
      /** Alert, network or campaign. */
      id: orNull(Id),
    }),
    20,
  ),
});
/** A filter that a person keeps: a name for the address of a page. */
export const View = strict({
  id: Id,
  page: oneOf(["alerts", "cases"]),
  name: text(80, 1),
  /** The address's query without `?`. */
  search: text(1000),
  made: Time,
});
export const Views = strict({ rows: some(View, 100) });
export const ViewNew = strict({ page: oneOf(["alerts", "cases"]), name: text(80, 1), search: text(1000) });
export const ViewPath = strict({ view: Id });
export const searchEndpoints = {
  "desk/search": { method: "GET", path: `${base}/search`, query: DeskSearchQuery, answer: DeskSearch },
  views: { method: "GET", path: `${base}/views`, answer: Views },
  "views/new": { method: "POST", path: `${base}/views`, body: ViewNew, answer: Views },
  "view/remove": {
    method: "POST",
    path: `${base}/views/{view}/remove`,
    params: ViewPath,
    body: strict({}),
    answer: Done,
  },
} as const;
export type DeskSearch = Static<typeof DeskSearch>;
export type View = Static<typeof View>;
export type Views = Static<typeof Views>;
