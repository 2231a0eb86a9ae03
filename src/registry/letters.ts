// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type { NoticePayload } from "../alert/notice.ts";
import { json } from "../store/desk/desk.ts";
import type { DeskTransaction } from "../store/desk/desk.ts";

export const letterKinds = ["check", "object", "ended", "claim", "unreachable"] as const;
export type LetterKind = (typeof letterKinds)[number];

interface Text {
  readonly subject: string;
  readonly text: string;
}
type Texts = Readonly<Record<LetterKind, Text>>;

/** `{link}` is filled in when the letter is rendered: the secret in it stands nowhere at rest. */
const languages: Readonly<Record<string, Texts>> = {
  en: {
    check: {
      subject: "Is this still the right address for {organisation}?",
      text: "You are registered as the {role} contact of {organisation}. When one of its machines is infected or attacked, we write to this address.\n\nPlease confirm with one click that somebody reads it:\n\n  {link}\n\nOpening the page changes nothing; the button on it does. The link ends on {until}.",
    },
    object: {
      subject: "A change of the contact for {organisation} was asked for",
      text: "This address is the {role} contact of {organisation}. It was asked that from {until} on it be:\n\n  {after}\n\nIf this is right, do nothing. If it is not, stop it before then:\n\n  {link}\n\nOpening the page changes nothing; the button on it does.",
    },
    ended: {
      subject: "This address is no longer a contact of {organisation}",
      text: "This address was the {role} contact of {organisation}. It was taken off the list on {until}; what we find in its networks goes to its other contacts.\n\nIf this is right, do nothing. If it is not, answer this mail.",
    },
    claim: {
      subject: "{organisation} says that {subject} is theirs",
      text: "{organisation} asks to receive our findings about {subject}. The registry names this address as responsible for it.\n\nIf you agree, confirm it:\n\n  {link}\n\nIf you do not, do nothing: without your confirmation the request is not granted. The link ends on {until}.",
    },
    unreachable: {
      subject: "Nobody can be reached at {organisation}",
      text: "Letters to every contact of {organisation} come back. The last one was {subject}. Please find another contact.",
    },
  },
  ja: {
    check: {
      subject: "{organisation}の連絡先の確認のお願い",
      text: "このアドレスは{organisation}の連絡先({role})として登録されています。感染や攻撃を観測した際にこちらへご連絡します。\n\n現在も有効であることを、次のページのボタンでご確認ください。\n\n  {link}\n\nページを開くだけでは何も変わりません。有効期限: {until}",
    },
    object: {
      subject: "{organisation}の連絡先の変更が申請されました",
      text: "このアドレスは{organisation}の連絡先({role})です。{until}以降、次の連絡先に変更する申請がありました。\n\n  {after}\n\n正しければ、何もする必要はありません。心当たりがない場合は、期限までに次のページのボタンで取り消してください。\n\n  {link}\n\nページを開くだけでは何も変わりません。",
    },
    ended: {
      subject: "このアドレスは{organisation}の連絡先ではなくなりました",
      text: "このアドレスは{organisation}の連絡先({role})でしたが、{until}に登録が解除されました。今後の検知情報は、他の連絡先に送られます。\n\n正しければ、何もする必要はありません。心当たりがない場合は、このメールにご返信ください。",
    },
    claim: {
      subject: "{organisation}から{subject}の管理者であるとの申請がありました",
      text: "{organisation}から、{subject}に関する検知情報の受け取りの申請がありました。レジストリにはこのアドレスが責任者として登録されています。\n\n同意する場合は、次のページのボタンで確認してください。\n\n  {link}\n\n同意しない場合は、何もする必要はありません。確認がなければ申請は認められません。有効期限: {until}",
    },
    unreachable: {
      subject: "{organisation}に連絡がつきません",
      text: "{organisation}のすべての連絡先からメールが戻ってきます。最後の連絡先: {subject}。別の連絡先を探してください。",
    },
  },
  id: {
    check: {
      subject: "Apakah alamat ini masih benar untuk {organisation}?",
      text: "Anda terdaftar sebagai kontak {role} untuk {organisation}. Bila salah satu mesinnya terinfeksi atau diserang, kami menulis ke alamat ini.\n\nMohon konfirmasi dengan satu klik bahwa alamat ini masih dibaca:\n\n  {link}\n\nMembuka halaman tidak mengubah apa pun; tombol di dalamnya yang mengubah. Tautan berakhir pada {until}.",
    },
    object: {
      subject: "Perubahan kontak {organisation} telah diminta",
      text: "Alamat ini adalah kontak {role} untuk {organisation}. Telah diminta agar mulai {until} diganti menjadi:\n\n  {after}\n\nBila benar, Anda tidak perlu melakukan apa pun. Bila tidak, hentikan sebelum waktu itu:\n\n  {link}\n\nMembuka halaman tidak mengubah apa pun; tombol di dalamnya yang mengubah.",
    },
    ended: {
      subject: "Alamat ini bukan lagi kontak {organisation}",
      text: "Alamat ini adalah kontak {role} untuk {organisation}. Alamat ini dihapus dari daftar pada {until}; temuan di jaringannya dikirim ke kontaknya yang lain.\n\nBila benar, Anda tidak perlu melakukan apa pun. Bila tidak, balas surat ini.",
    },
    claim: {
      subject: "{organisation} menyatakan bahwa {subject} adalah miliknya",
      text: "{organisation} meminta untuk menerima temuan kami tentang {subject}. Registri menyebut alamat ini sebagai penanggung jawabnya.\n\nBila Anda setuju, konfirmasikan:\n\n  {link}\n\nBila tidak, jangan lakukan apa pun: tanpa konfirmasi Anda permintaan tidak dikabulkan. Tautan berakhir pada {until}.",
    },
    unreachable: {
      subject: "Tidak ada yang dapat dihubungi di {organisation}",
      text: "Surat ke semua kontak {organisation} kembali. Yang terakhir adalah {subject}. Mohon cari kontak lain.",
    },
  },
  th: {
    check: {
      subject: "ที่อยู่อีเมลนี้ยังถูกต้องสำหรับ {organisation} หรือไม่",
      text: "ที่อยู่นี้ลงทะเบียนเป็นผู้ติดต่อ ({role}) ของ {organisation} เมื่อเครื่องในเครือข่ายติดมัลแวร์หรือถูกโจมตี เราจะแจ้งมาที่นี่\n\nโปรดยืนยันด้วยการคลิกครั้งเดียวว่ายังมีผู้อ่านอยู่:\n\n  {link}\n\nการเปิดหน้าไม่เปลี่ยนแปลงสิ่งใด ต้องกดปุ่มในหน้านั้น ลิงก์หมดอายุ {until}",
    },
    object: {
      subject: "มีการขอเปลี่ยนผู้ติดต่อของ {organisation}",
      text: "ที่อยู่นี้เป็นผู้ติดต่อ ({role}) ของ {organisation} มีการขอให้เปลี่ยนตั้งแต่ {until} เป็น:\n\n  {after}\n\nหากถูกต้อง ไม่ต้องทำอะไร หากไม่ถูกต้อง โปรดยกเลิกก่อนเวลาดังกล่าว:\n\n  {link}\n\nการเปิดหน้าไม่เปลี่ยนแปลงสิ่งใด ต้องกดปุ่มในหน้านั้น",
    },
    ended: {
      subject: "ที่อยู่นี้ไม่ได้เป็นผู้ติดต่อของ {organisation} แล้ว",
      text: "ที่อยู่นี้เคยเป็นผู้ติดต่อ ({role}) ของ {organisation} และถูกนำออกจากรายการเมื่อ {until} ผลการตรวจพบในเครือข่ายจะส่งไปยังผู้ติดต่ออื่น\n\nหากถูกต้อง ไม่ต้องทำอะไร หากไม่ถูกต้อง โปรดตอบกลับอีเมลนี้",
    },
    claim: {
      subject: "{organisation} แจ้งว่า {subject} เป็นของตน",
      text: "{organisation} ขอรับผลการตรวจพบเกี่ยวกับ {subject} ทะเบียนระบุว่าที่อยู่นี้เป็นผู้รับผิดชอบ\n\nหากเห็นด้วย โปรดยืนยัน:\n\n  {link}\n\nหากไม่เห็นด้วย ไม่ต้องทำอะไร หากไม่มีการยืนยัน คำขอจะไม่ได้รับอนุมัติ ลิงก์หมดอายุ {until}",
    },
    unreachable: {
      subject: "ไม่สามารถติดต่อ {organisation} ได้",
      text: "จดหมายถึงผู้ติดต่อทุกคนของ {organisation} ถูกตีกลับ รายล่าสุดคือ {subject} โปรดหาผู้ติดต่ออื่น",
    },
  },
};

export interface Letter {
  readonly kind: LetterKind;
  readonly recipient: string;
  readonly language: string;
  readonly contact: string | null;
  readonly organisation: { readonly id: string; readonly name: string };
  /** Id of a one-time link; null: the letter has none. */
  readonly link: string | null;
  readonly at: number;
  readonly values: Readonly<Record<string, string>>;
}

const moment = (time: number): string => `${new Date(time / 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;
export const momentText = moment;
/** One line, whatever was in it. */
const line = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .trim()
    .slice(0, 500);

/**
 * Writes a letter into the outbox, in the transaction that decides it. It belongs to no organisation there: a member who reads its own
 * letters must not find one that proves or objects to what it asked for.
 */
export const writeLetter = async (trx: DeskTransaction, letter: Letter): Promise<void> => {
  const words = (languages[letter.language.split("-")[0] ?? "en"] ?? languages["en"]!)[letter.kind];
  const values: Readonly<Record<string, string>> = { organisation: letter.organisation.name, ...letter.values };
  const fill = (text: string): string =>
    text.replaceAll(/\{(\w+)\}/g, (whole, name: string) =>
      // What others wrote does not say where the link stands.
      Object.hasOwn(values, name) ? line(values[name] ?? "").replaceAll("{link}", "link") : whole,
    );
  const payload: NoticePayload = {
    form: "notice",
    language: letter.language,
    timeZone: "UTC",
    organisation: letter.organisation,
    exercise: "",
    attach: { csv: false, xarf: false },
    encrypt: false,
    at: letter.at,
    items: [],
    plain: { subject: line(fill(words.subject)), text: `${fill(words.text)}\n`, link: letter.link },
  };
  await trx
    .insertInto("outbox")
    .values({
      id: randomUUID(),
      exercise: "",
      realm: "",
      organisation_id: null,
      case_id: null,
      contact_id: letter.contact,
      channel: "mail",
      recipient: letter.recipient,
      form: "plain",
      payload: json(payload),
      state: "waiting",
      attempts: 0,
      due: letter.at,
      leased_until: null,
      sent: null,
      error: null,
      created: letter.at,
      read: null,
    })
    .execute();
};
