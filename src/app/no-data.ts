// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants } from "node:fs";
import { AppError, systemRefusal } from "../platform/errors.ts";

/** What is said of a data folder in which nothing of a kind was found: that it may not be looked into, where that is why. */
export const noData = (data: string, what: string): AppError => {
  try {
    accessSync(data, constants.R_OK | constants.X_OK);
  } catch (error) {
    const refused = (error as NodeJS.ErrnoException).code === "ENOENT" ? undefined : systemRefusal(error);
    if (refused !== undefined) return refused;
  }
  return new AppError(
    "DATA_NOT_FOUND",
    `${data} holds no ${what}: name the node with --config FILE or its data folder with --data DIR; a new node makes it at its first start`,
  );
};
