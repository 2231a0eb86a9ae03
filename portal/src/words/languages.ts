// SPDX-License-Identifier: Apache-2.0

/** The portal's languages by their own names. */
export const languages = { en: "English", ja: "日本語", id: "Bahasa Indonesia", th: "ไทย" } as const;
export type Language = keyof typeof languages;
