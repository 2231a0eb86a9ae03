// SPDX-License-Identifier: Apache-2.0
const drawings = {
  now: "M3 12h4l3-7 4 14 3-7h4",
  ports: "M4 20V10M10 20V4M16 20v-8M22 20v-5",
  networks: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  sensors: "M12 13v8M8.500 9.500a5 5 0 1 1 7 0M5.600 12.400a9 9 0 1 1 12.800 0",
  explore: "M4 5h16M7 12h10M10 19h4",
  reports: "M6 3h9l4 4v14H6ZM9 12h7M9 16h7M9 8h3",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16.500 16.500 21 21",
  menu: "M4 6h16M4 12h16M4 18h16",
  print: "M7 9V3h10v6M7 17H4v-8h16v8h-3M7 14h10v7H7Z",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1",
  wall: "M3 5h18v11H3ZM8 20h8M12 16v4",
  close: "M5 5l14 14M19 5 5 19",
} as const;
export type IconName = keyof typeof drawings;

export const Icon = ({ name }: { name: IconName }) => (
  <svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    strokeWidth="1.7"
    strokeLinecap="round"
    strokeLinejoin="round"
    aria-hidden
  >
    <path d={drawings[name]} />
  </svg>
);
