// SPDX-License-Identifier: Apache-2.0
import { AppError } from "../platform/errors.ts";

/** Long ones that are guessed first; shorter ones are refused by their length. */
const guessed = new Set(
  [
    "123456789012 1234567890123 12345678901234 111111111111 000000000000 123123123123 112233445566 121212121212",
    "passwordpassword password1234 password12345 password123456 passw0rd1234 p@ssw0rd1234 password123! welcome12345",
    "qwertyuiop12 qwertyuiop123 qwertyuiopas qwertyuiop[] qwerty123456 1q2w3e4r5t6y 1qaz2wsx3edc zaq12wsxcde3 asdfghjkl123",
    "administrator admin1234567 admin123456789 administrator1 letmeinletmein iloveyou1234 abcdefghijkl abc123456789 changeme1234",
    "changemechangeme layanglayang layang123456 correcthorsebatterystaple trustno1trustno1 monkey123456 dragon123456",
  ].flatMap((line) => line.split(" ")),
);

/** @throws AppError PASSWORD_WEAK with the reason. Length is what counts; no rules about kinds of characters. */
export const holdPassword = (password: string, mail: string): void => {
  const refuse = (why: string): never => {
    throw new AppError("PASSWORD_WEAK", why, { parameter: "password" });
  };
  const plain = password.normalize("NFKC").toLowerCase();
  if ([...plain].length < 12) refuse("a password has 12 characters at least");
  if (new Set(plain).size < 5) refuse("the password repeats a few characters");
  if (guessed.has(plain)) refuse("this password is one of those that are guessed first");
  const local = mail.split("@")[0] ?? "";
  if (local.length >= 4 && plain.includes(local)) refuse("the password contains the mail address");
};
