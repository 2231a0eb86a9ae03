// SPDX-License-Identifier: Apache-2.0

interface Text {
  readonly subject: string;
  readonly text: string;
}

/** By language. */
const texts: Readonly<Record<string, Text>> = {
  en: {
    subject: "Your access to {node}",
    text: "With this link you set your password at {node}. It works once, and ends on {until}:\n\n  {link}\n\nIf you did not expect this mail, do nothing.\n",
  },
  ja: {
    subject: "{node}のアカウントについて",
    text: "次のリンクから{node}のパスワードを設定してください。リンクは一度だけ使用でき、有効期限は{until}です。\n\n  {link}\n\n心当たりがない場合は、何もする必要はありません。\n",
  },
  id: {
    subject: "Akses Anda ke {node}",
    text: "Dengan tautan ini Anda menetapkan kata sandi di {node}. Tautan hanya berlaku sekali, sampai {until}:\n\n  {link}\n\nBila Anda tidak menunggu surat ini, jangan lakukan apa pun.\n",
  },
  th: {
    subject: "การเข้าใช้ {node} ของคุณ",
    text: "ใช้ลิงก์นี้เพื่อตั้งรหัสผ่านที่ {node} ลิงก์ใช้ได้ครั้งเดียว และหมดอายุ {until}:\n\n  {link}\n\nหากคุณไม่ได้รอรับอีเมลนี้ ไม่ต้องทำอะไร\n",
  },
};

/** The mail with a person's one-time link. `until` is in microseconds UTC. */
export const invitationMail = (language: string, node: string, link: string, until: number): Text => {
  const words = texts[language.split("-")[0] ?? "en"] ?? texts["en"]!;
  const values: Readonly<Record<string, string>> = {
    node: node.replaceAll(/\p{Cc}+/gu, " "),
    link,
    until: `${new Date(until / 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`,
  };
  const fill = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
  return { subject: fill(words.subject), text: fill(words.text) };
};
