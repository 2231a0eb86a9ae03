// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import type { ErrorCode } from "../platform/errors.ts";

/*
 * What a person sees whose browser goes to an address and is refused: words and the way on, instead of JSON. No script, no file of the portal: those may be
 * refused as well.
 */

type Way = "home" | "account" | "none";
type Said =
  | "token"
  | "host"
  | "origin"
  | "signIn"
  | "denied"
  | "proof"
  | "link"
  | "provider"
  | "limit"
  | "missing"
  | "other";

const saidOf: Readonly<Partial<Record<ErrorCode, Said>>> = {
  ACCESS_TOKEN: "token",
  ACCESS_HOST: "host",
  ACCESS_ORIGIN: "origin",
  ACCESS_SIGN_IN: "signIn",
  LOGIN_REFUSED: "signIn",
  FACTOR_REFUSED: "signIn",
  ACCESS_DENIED: "denied",
  ACCESS_PROOF: "proof",
  LINK_INVALID: "link",
  LINK_ENDED: "link",
  PROVIDER_FAILED: "provider",
  PROVIDER_UNBOUND: "provider",
  LOGIN_LIMIT: "limit",
  NOT_FOUND: "missing",
};
const ways: Readonly<Record<Said, Way>> = {
  token: "none",
  // This name is not the server's: a link would lead to the same refusal.
  host: "none",
  origin: "home",
  signIn: "home",
  denied: "home",
  proof: "account",
  link: "home",
  provider: "home",
  limit: "home",
  missing: "home",
  other: "home",
};

interface Words {
  readonly home: string;
  readonly account: string;
  readonly code: string;
  readonly said: Readonly<Record<Said, readonly [title: string, text: string]>>;
}
const words: Readonly<Record<string, Words>> = {
  en: {
    home: "Go to the start page",
    account: "Go to your account",
    code: "Code",
    said: {
      token: [
        "This page needs the token",
        "Copy the address that was printed when the node started, with its ?token=, into the address bar.",
      ],
      host: [
        "This server does not answer under this name",
        "Open it by the address that the operator of this node gave you.",
      ],
      origin: ["Another site asked for this", "Open the page here once more, by yourself."],
      signIn: ["Sign in first", "Nobody is signed in, or your session has ended. Sign in on the start page."],
      denied: [
        "Your role does not include this",
        "Ask an administrator of this node, or sign in with another account.",
      ],
      proof: [
        "Show once more that it is you",
        "This is a grave act, and your sign-in is some minutes old. Sign out, sign in again, and do it from your account page.",
      ],
      link: [
        "This link opens nothing any more",
        "It is wrong, has ended or was taken back. Answer the mail that it came in: a person reads it.",
      ],
      provider: [
        "The sign-in provider did not let you in",
        "Try again from the start page. If that does not help, ask an administrator whether your account is connected.",
      ],
      limit: ["Too many attempts", "Wait a quarter of an hour, then try again."],
      missing: ["There is nothing here", "The address is wrong, or what it named is gone or not yours to see."],
      other: ["This did not work", "Go back and try again. If it fails again, tell the operator the code below."],
    },
  },
  id: {
    home: "Ke halaman awal",
    account: "Ke akun Anda",
    code: "Kode",
    said: {
      token: [
        "Halaman ini memerlukan token",
        "Salin alamat yang dicetak saat node dimulai, lengkap dengan ?token=, ke bilah alamat.",
      ],
      host: ["Server ini tidak menjawab dengan nama ini", "Buka lewat alamat yang diberikan pengelola node ini."],
      origin: ["Situs lain yang meminta ini", "Buka sendiri halamannya di sini sekali lagi."],
      signIn: ["Masuk terlebih dahulu", "Tidak ada yang masuk, atau sesi Anda telah berakhir. Masuk di halaman awal."],
      denied: ["Peran Anda tidak mencakup ini", "Hubungi administrator node ini, atau masuk dengan akun lain."],
      proof: [
        "Buktikan sekali lagi bahwa ini Anda",
        "Tindakan ini penting dan Anda masuk beberapa menit yang lalu. Keluar, masuk lagi, lalu lakukan dari halaman akun Anda.",
      ],
      link: [
        "Tautan ini tidak membuka apa pun lagi",
        "Tautan salah, telah berakhir, atau ditarik. Balas email asalnya: seseorang akan membacanya.",
      ],
      provider: [
        "Penyedia identitas tidak mengizinkan Anda masuk",
        "Coba lagi dari halaman awal. Jika tidak berhasil, tanyakan kepada administrator apakah akun Anda terhubung.",
      ],
      limit: ["Terlalu banyak percobaan", "Tunggu seperempat jam, lalu coba lagi."],
      missing: [
        "Tidak ada apa pun di sini",
        "Alamatnya salah, atau yang dituju sudah tidak ada atau bukan untuk Anda.",
      ],
      other: ["Ini tidak berhasil", "Kembali dan coba lagi. Jika gagal lagi, beri tahu pengelola kode di bawah ini."],
    },
  },
  ja: {
    home: "最初のページへ",
    account: "アカウントのページへ",
    code: "コード",
    said: {
      token: [
        "このページにはトークンが必要です",
        "ノードの起動時に表示されたアドレス（?token= を含む）をアドレスバーに入力してください。",
      ],
      host: ["このサーバーはこの名前では応答しません", "このノードの運用者から案内されたアドレスで開いてください。"],
      origin: ["ほかのサイトからの要求です", "このサイトで、もう一度ご自身でページを開いてください。"],
      signIn: [
        "先にログインしてください",
        "ログインしていないか、セッションが終了しています。最初のページでログインしてください。",
      ],
      denied: [
        "あなたの役割ではこの操作はできません",
        "このノードの管理者に相談するか、別のアカウントでログインしてください。",
      ],
      proof: [
        "本人確認がもう一度必要です",
        "重要な操作ですが、ログインから時間がたっています。ログアウトしてログインし直し、アカウントのページから操作してください。",
      ],
      link: [
        "このリンクはもう使えません",
        "リンクが誤っているか、期限が切れたか、取り消されています。元のメールに返信してください。担当者が読みます。",
      ],
      provider: [
        "認証プロバイダーでログインできませんでした",
        "最初のページからもう一度お試しください。解決しない場合は、アカウントが連携されているか管理者に確認してください。",
      ],
      limit: ["試行回数が多すぎます", "15分ほど待ってから、もう一度お試しください。"],
      missing: ["ここには何もありません", "アドレスが誤っているか、対象がなくなったか、閲覧できないものです。"],
      other: [
        "処理できませんでした",
        "戻ってもう一度お試しください。繰り返す場合は、下のコードを運用者に伝えてください。",
      ],
    },
  },
  th: {
    home: "ไปหน้าแรก",
    account: "ไปหน้าบัญชีของท่าน",
    code: "รหัส",
    said: {
      token: ["หน้านี้ต้องใช้โทเคน", "คัดลอกที่อยู่ที่แสดงตอนเริ่มโหนด พร้อม ?token= ลงในแถบที่อยู่"],
      host: ["เซิร์ฟเวอร์นี้ไม่ตอบด้วยชื่อนี้", "เปิดด้วยที่อยู่ที่ผู้ดูแลโหนดนี้ให้ไว้"],
      origin: ["เว็บไซต์อื่นเป็นผู้ร้องขอ", "โปรดเปิดหน้านี้ด้วยตนเองอีกครั้ง"],
      signIn: ["โปรดเข้าสู่ระบบก่อน", "ยังไม่มีผู้เข้าสู่ระบบ หรือเซสชันของท่านสิ้นสุดแล้ว โปรดเข้าสู่ระบบที่หน้าแรก"],
      denied: ["บทบาทของท่านไม่รวมสิ่งนี้", "ติดต่อผู้ดูแลระบบของโหนดนี้ หรือเข้าสู่ระบบด้วยบัญชีอื่น"],
      proof: [
        "โปรดยืนยันตัวตนอีกครั้ง",
        "การกระทำนี้สำคัญ และท่านเข้าสู่ระบบมาหลายนาทีแล้ว โปรดออกจากระบบ เข้าสู่ระบบใหม่ แล้วทำจากหน้าบัญชีของท่าน",
      ],
      link: ["ลิงก์นี้ใช้ไม่ได้แล้ว", "ลิงก์ผิด หมดอายุ หรือถูกยกเลิก โปรดตอบอีเมลที่ได้รับลิงก์นี้ จะมีผู้อ่าน"],
      provider: ["ผู้ให้บริการยืนยันตัวตนไม่ให้ท่านเข้า", "ลองอีกครั้งจากหน้าแรก หากยังไม่ได้ โปรดถามผู้ดูแลระบบว่าบัญชีของท่านเชื่อมต่อแล้วหรือไม่"],
      limit: ["พยายามมากเกินไป", "รอสิบห้านาที แล้วลองอีกครั้ง"],
      missing: ["ไม่มีอะไรที่นี่", "ที่อยู่ผิด หรือสิ่งที่อ้างถึงไม่มีแล้ว หรือท่านไม่มีสิทธิ์ดู"],
      other: ["ดำเนินการไม่สำเร็จ", "ย้อนกลับแล้วลองอีกครั้ง หากยังไม่ได้ โปรดแจ้งรหัสด้านล่างแก่ผู้ดูแล"],
    },
  },
};

const style =
  ":root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem;line-height:1.3}a{font-weight:600}p:last-child{opacity:.7;font-size:.875rem}";
/** Of the page alone: its style by its hash, and nothing else. */
export const problemPolicy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The first language of a browser's list that there are words for. */
export const languageOf = (accepted: string | undefined): string => {
  const asked = (accepted ?? "")
    .slice(0, 500)
    .split(",")
    .map((part) => {
      const [tag = "", q] = part
        .trim()
        .toLowerCase()
        .split(/;\s*q=/);
      return { language: tag.split("-")[0] ?? "", weight: q === undefined ? 1 : Number(q) || 0 };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight);
  return asked.find(({ language }) => Object.hasOwn(words, language))?.language ?? "en";
};

/** A page in words. Nothing of the request stands in it. */
export const problemPage = (code: ErrorCode, accepted: string | undefined): string => {
  const language = languageOf(accepted);
  const { home, account, said, code: label } = words[language] ?? (words["en"] as Words);
  const what = saidOf[code] ?? "other";
  const [title, text] = said[what];
  const way = ways[what];
  const link =
    way === "none"
      ? ""
      : `<p><a href="${way === "account" ? "/account" : "/"}">${way === "account" ? account : home}</a></p>`;
  return `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer"><title>Layang: ${title}</title><style>${style}</style></head>
<body><main><h1>${title}</h1><p>${text}</p>${link}<p>${label}: ${code}</p></main></body></html>
`;
};
