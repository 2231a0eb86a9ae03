// SPDX-License-Identifier: Apache-2.0
import { generateSync } from "otplib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverPlace } from "../desk/place.ts";
import { openHouse, password } from "./house.ts";
import type { Browser, House } from "./house.ts";

const at = "/api/v1/desk/session";

/** On a server two transactions run beside each other; in the process they come one after the other. */
describe("two requests at the same moment, on PostgreSQL", () => {
  let house: House;
  let one: Browser;
  let id: string;
  beforeAll(async () => {
    house = await openHouse({ place: await serverPlace() });
    one = await house.person("p@example.org", ["observer"]);
    id = await house.idOf("p@example.org");
  }, 60_000);
  afterAll(() => house.close());

  it("take away one of the last two second factors, never both", async () => {
    const { owner } = house.desk;
    const { totp_seed } = await owner
      .selectFrom("person_secrets")
      .select("totp_seed")
      .where("person_id", "=", id)
      .executeTakeFirstOrThrow();
    for (let i = 0; i < 12; i++) {
      const passkey = {
        id: `key-${i}`,
        person_id: id,
        public_key: "x",
        counter: 0,
        transports: [],
        name: "n",
        made: 1,
      };
      await owner
        .insertInto("passkeys")
        .values({ ...passkey, used: null })
        .execute();
      const answers = await Promise.all([
        one.call("POST", `${at}/factors/remove`, { kind: "totp", password }),
        one.call("POST", `${at}/factors/remove`, { kind: "passkey", id: passkey.id, password }),
      ]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403]);
      await owner.updateTable("person_secrets").set({ totp_seed }).where("person_id", "=", id).execute();
      await owner.deleteFrom("passkeys").execute();
    }
  });
  it("set up the first second factor once", async () => {
    for (let i = 0; i < 4; i++) {
      await house.desk.owner
        .updateTable("person_secrets")
        .set({ totp_seed: null })
        .where("person_id", "=", id)
        .execute();
      const halves = [house.browser(), house.browser()];
      for (const half of halves) {
        const { body } = await half.call("POST", `${at}/login`, { mail: "p@example.org", password });
        expect(body.state).toBe("enrol");
      }
      const { secret } = (await halves[0]!.call("POST", `${at}/totp/begin`)).body;
      const code = generateSync({ secret: String(secret), epoch: Math.floor(house.clock.now / 1e6) });
      const answers = await Promise.all(halves.map((half) => half.call("POST", `${at}/totp/confirm`, { code })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 401]);
      house.clock.now += 16 * 60e6;
    }
  });
});
