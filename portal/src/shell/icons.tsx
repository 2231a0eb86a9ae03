// SPDX-License-Identifier: Apache-2.0
const drawings = {
  now: "M3 12h4l3-7 4 14 3-7h4",
  ports: "M4 20V10M10 20V4M16 20v-8M22 20v-5",
  networks: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  sensors: "M12 13v8M8.500 9.500a5 5 0 1 1 7 0M5.600 12.400a9 9 0 1 1 12.800 0",
  explore: "M4 5h16M7 12h10M10 19h4",
  reports: "M6 3h9l4 4v14H6ZM9 12h7M9 16h7M9 8h3",
  ring: "M12 8.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7ZM3 12a9 9 0 0 1 9-9M21 12a9 9 0 0 1-9 9M12 3a9 9 0 0 1 6 2.300M6 18.700A9 9 0 0 1 3.600 15",
  alerts: "M12 3 2.500 20h19ZM12 10v4M12 17v.01",
  cases: "M4 7h16v13H4ZM9 7V4h6v3M4 12h16",
  mine: "M3 11 12 4l9 7M6 9v11h12V9M10 20v-6h4v6",
  warnings: "M3 17l5-5 4 3 8-9M15 6h5v5",
  campaigns: "M6 6a2 2 0 1 0 .01 0M18 6a2 2 0 1 0 .01 0M12 18a2 2 0 1 0 .01 0M8 8h8M7 10l4 7M17 10l-4 7",
  statistics: "M4 4v16h16M4 6h4v4h4v5h4v2h4",
  detectors: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16ZM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM12 1v4M12 19v4M1 12h4M19 12h4",
  constituency: "M4 21V8l8-5 8 5v13M9 21v-5h6v5M9 11h.01M15 11h.01",
  unclaimed:
    "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.400-1 .8-1 1.700M12 17v.01",
  notices: "M3 6h18v12H3ZM3 7l9 7 9-7",
  inbox: "M4 4h16v16H4ZM4 14h4l2 3h4l2-3h4",
  people:
    "M9 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6ZM3 20c0-4 3-6 6-6s6 2 6 6M16 5.500a3 3 0 0 1 0 5.500M17.500 14.500c2 .8 3.500 2.500 3.500 5.500",
  audit: "M6 3h12v18H6ZM9 8h6M9 12h6M9 16h3",
  account: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4 21c0-4 4-6 8-6s8 2 8 6",
  star: "m12 4 2.400 5 5.600.7-4.100 3.800 1.100 5.500L12 16.300 7 19l1.100-5.500L4 9.700 9.600 9Z",
  check: "M5 13l4 4L19 7",
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
