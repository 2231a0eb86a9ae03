// SPDX-License-Identifier: Apache-2.0

/** Roles of a contact, in the order in which a letter that cannot be delivered to one goes to the next. */
export const contactRoles = ["abuse", "security", "noc", "management"] as const;
export type ContactRole = (typeof contactRoles)[number];

/** What is told of an organisation. Times are microseconds UTC. */
export interface OrganisationRecord {
  /** Lower-case letters, digits and hyphens; set once. */
  readonly id: string;
  readonly name: string;
  /** In other languages, by BCP 47 tag. */
  readonly names: Readonly<Record<string, string>>;
  readonly country: string | null;
  readonly sector: string | null;
  readonly essential: boolean;
  readonly note: string | null;
}

/** Of a network of an organisation. Exactly one of `prefix`, `asn`, `domain`. */
export interface NetworkRecord {
  readonly organisation: string;
  readonly realm: string;
  readonly prefix: string | null;
  readonly asn: number | null;
  readonly domain: string | null;
  readonly translation: "none" | "cgnat";
  readonly from: number;
  readonly until: number | null;
  /** Parts that the member declares dark: for display alone. */
  readonly dark: readonly string[];
}

export interface ContactRecord {
  readonly organisation: string;
  readonly role: ContactRole;
  readonly name: string | null;
  readonly mail: string | null;
  readonly phone: string | null;
  readonly language: string;
  readonly openpgpKey: string | null;
  readonly webhook: string | null;
}

/** One step that brings the desk to what a file or a person says. */
export type Step =
  | { readonly what: "organisation"; readonly change: "added" | "changed"; readonly record: OrganisationRecord }
  | { readonly what: "organisation"; readonly change: "ended"; readonly id: string }
  | { readonly what: "network"; readonly change: "added"; readonly record: NetworkRecord }
  | {
      readonly what: "network";
      readonly change: "changed";
      readonly id: string;
      readonly translation: "none" | "cgnat";
      readonly until: number | null;
      readonly dark: readonly string[];
    }
  | { readonly what: "network"; readonly change: "ended"; readonly id: string }
  | { readonly what: "contact"; readonly change: "added"; readonly record: ContactRecord }
  | { readonly what: "contact"; readonly change: "changed"; readonly id: string; readonly record: ContactRecord }
  | { readonly what: "contact"; readonly change: "ended"; readonly id: string };
