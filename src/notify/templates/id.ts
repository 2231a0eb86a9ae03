// SPDX-License-Identifier: Apache-2.0
import type { Words } from "./words.ts";

export const id: Words = {
  language: "id",
  kind: {
    "infected-host": "Host terinfeksi",
    "scanning-host": "Host yang melakukan pemindaian",
    "dos-victim": "Host yang sedang diserang",
    "reflector-abuse": "Sasaran lalu lintas pantulan",
    "amplification-scan": "Host yang mencari penguat",
  },
  subject: {
    notice: "{what} {where}",
    relapse: "Muncul kembali: {what} {where}",
    reminder: "Masih aktif: {what} {where}",
    digest: "{count} temuan di jaringan {organisation}",
    correction: "Koreksi: {what} {where}",
    breaker: "Pemutus terbuka: pemberitahuan ditahan",
  },
  invitation: {
    subject: "Akses Anda ke {node}",
    text: "Dengan tautan ini Anda menetapkan kata sandi di {node}. Tautan hanya berlaku sekali, sampai {until}:\n\n  {link}\n\nBila Anda tidak menunggu surat ini, jangan lakukan apa pun.\n",
  },
  simulated: {
    tag: "SIMULASI",
    line: "SIMULASI: surat ini berasal dari wilayah rekaan. Tidak ada mesin di dalamnya yang nyata.",
  },
  exercise: {
    tag: "LATIHAN",
    line: "INI ADALAH LATIHAN. Isi surat ini tidak nyata; mohon bertindak sesuai petunjuk latihan.",
  },
  greeting: "Kepada tim keamanan {organisation}",
  opening: {
    notice: "Sebuah mesin di jaringan Anda mengirim lalu lintas yang tidak dikirim oleh mesin yang sehat.",
    relapse: "Sebuah mesin di jaringan Anda yang sebelumnya sudah berhenti kini mengirim lagi.",
    reminder:
      "Mesin yang pernah kami beritahukan masih mengirim. Kami tidak akan mengingatkan lagi sebelum tenggat berikutnya.",
    digest: "Ada {count} temuan di jaringan Anda. Daftarnya ada di bawah ini dan di tabel terlampir.",
    correction:
      "Kami pernah memberitahukan alamat di bawah ini. Data yang lebih baru menunjukkan bahwa temuan itu keliru, dan kami menariknya kembali. Mohon maaf atas kerepotan yang ditimbulkan.",
    breaker:
      "Terlalu banyak temuan datang sekaligus sehingga pengiriman dihentikan. Semuanya ditahan sampai dilepas oleh analis.",
  },
  openingOfVictim: {
    notice:
      "Sebuah host di jaringan Anda sedang diserang dari Internet. Host Anda tidak berbuat salah; kami memberitahukannya agar Anda dapat melindunginya.",
    relapse: "Serangan terhadap sebuah host di jaringan Anda, yang sebelumnya sudah berakhir, kini dimulai lagi.",
    reminder:
      "Serangan terhadap host di jaringan Anda yang pernah kami beritahukan masih berlangsung. Kami tidak akan mengingatkan lagi sebelum tenggat berikutnya.",
  },
  seen: {
    "infected-host":
      "Mesin ini mengirim paket ke alamat yang tidak dipakai siapa pun dan tidak pernah menyediakan layanan. Hal ini terjadi ketika malware di dalamnya mencari korban berikutnya.",
    "scanning-host":
      "Mesin ini mengirim paket ke banyak alamat yang tidak dipakai siapa pun. Mungkin ini pemindai yang sengaja dijalankan di jaringan Anda, atau mesin yang dikendalikan pihak lain.",
    "dos-victim":
      "Alamat yang tidak dipakai siapa pun menerima balasannya atas paket yang tidak pernah dikirim. Hal ini terjadi ketika host dibanjiri paket dengan sumber palsu.",
    "reflector-abuse":
      "Permintaan dengan alamat ini sebagai sumber palsu dikirim ke layanan terbuka, dan jawabannya diarahkan ke host ini.",
    "amplification-scan":
      "Mesin ini mencari layanan yang jawabannya lebih besar daripada pertanyaannya pada alamat yang tidak dipakai siapa pun. Begitulah serangan pantulan disiapkan.",
  },
  label: {
    address: "Alamat",
    network: "Jaringan Anda",
    family: "Keluarga atau alat",
    confidence: "Keyakinan",
    severity: "Keparahan",
    first: "Pertama terlihat",
    last: "Terakhir terlihat",
    packets: "Paket",
    ports: "Port tujuan",
    attacked: "Port yang diserang",
    reach: "Jangkauan",
    tests: "Aturan",
    signature: "Ciri SYN",
    class: "Klasifikasi (RSIT)",
  },
  severity: { low: "rendah", medium: "sedang", high: "tinggi", critical: "kritis" },
  test: {
    detectors: {
      "infected-host": "menghubungi alamat yang tidak dipakai siapa pun",
      amplification: "permintaan ke layanan yang memperkuat lalu lintas",
      "dos-victim": "balasan atas paket dengan sumber palsu",
    },
    rules: {
      packets: "cukup banyak paket ke cukup banyak alamat",
      mark: "paket dengan ciri perangkat perusak ini",
    },
    modes: {
      internal: "terlihat di dalam jaringan Anda sendiri",
      outbound: "keluar dari jaringan Anda",
      "outbound, seen at home": "keluar dari jaringan Anda, terlihat oleh sensor di ekonomi Anda",
      "outbound, seen abroad": "keluar dari jaringan Anda, terlihat oleh sensor di luar negeri",
      "outbound, seen at home and abroad":
        "keluar dari jaringan Anda, terlihat oleh sensor di ekonomi Anda dan di luar negeri",
    },
  },
  reach: (dark, sensors) => `${dark} alamat tak terpakai, terlihat oleh ${sensors} sensor`,
  clockUnknown: "galat jam tidak diketahui",
  samples: "Paket untuk dicocokkan dengan catatan Anda (UTC; dari tiap port yang pertama dalam sepuluh detik):",
  sample: { time: "waktu", source: "port sumber", port: "port tujuan" },
  translated:
    "Alamat ini dipakai bersama oleh banyak pelanggan. Waktu dan port sumber bersama-sama menunjukkan pelanggan yang mana.",
  unattributable:
    "Alamat ini dipakai bersama oleh banyak pelanggan, dan kami tidak memiliki port sumber untuk temuan ini: pelanggannya tidak dapat ditentukan. Kami memberitahukannya agar Anda mengetahuinya.",
  doHeading: "Yang perlu dilakukan",
  steps: {
    "scanning-host": [
      "Cari tahu siapa yang mengelola mesin itu dan apakah pemindaian memang disengaja.",
      "Jika tidak disengaja, anggap mesin terinfeksi: isolasi, simpan catatannya, pasang ulang.",
      'Jika disengaja, beri tahu kami melalui tautan di bawah ("penelitian").',
    ],
    "dos-victim": [
      "Periksa apakah layanan dapat dijangkau dan berapa banyak lalu lintas yang datang.",
      "Aktifkan SYN cookie, batasi laju, atau minta penyaringan kepada jaringan hulu Anda.",
      "Simpan contoh lalu lintas; sumber banjir paket itu palsu.",
    ],
    "reflector-abuse": [
      "Minta jaringan hulu Anda menyaring jawaban menurut port sumbernya.",
      "Jangan memblokir layanan yang menjawab untuk selamanya: mereka juga korban.",
      "Jika alamat ini menyediakan layanan Anda, siapkan alamat kedua.",
    ],
    "amplification-scan": [
      "Cari tahu siapa yang mengelola mesin itu dan apakah pemindaian memang disengaja.",
      "Jika tidak disengaja, isolasi mesin dan cari alat serangan di dalamnya.",
      "Saring paket dengan sumber palsu di perbatasan jaringan Anda (BCP 38).",
    ],
  },
  cleaning: {
    iot: [
      "Temukan perangkatnya: kamera, perekam, router, atau perangkat kecil lain, sering kali di balik translasi alamat.",
      "Putuskan dari jaringan, nyalakan ulang selagi terputus (malware ini hilang saat dinyalakan ulang), dan ganti kata sandinya sebelum tersambung lagi.",
      "Perbarui firmware; tutup telnet, administrasi jarak jauh, dan UPnP dari arah Internet. Jika tidak ada pembaruan, ganti perangkatnya.",
    ],
    windows: [
      "Putuskan mesin dari jaringan, dan biarkan menyala bila memorinya akan diperiksa.",
      "Pasang pembaruan yang kurang (SMB lebih dahulu) pada sistem yang bersih; ganti kata sandi yang pernah dipakai di mesin itu.",
      "Cari lalu lintas yang sama di dalam jaringan Anda: malware seperti ini menyebar ke samping lebih dahulu.",
    ],
    unknown: [
      "Temukan mesin berdasarkan alamat, waktu, dan port, lalu putuskan dari jaringan.",
      "Cari apa yang mengirim: proses tak dikenal, tugas terjadwal, berkas awal yang berubah; simpan salinannya.",
      "Bersihkan atau pasang ulang, ganti kata sandinya, tutup apa yang tidak perlu dijangkau dari Internet.",
    ],
  },
  answerHeading: "Beri tahu kami apa yang Anda lakukan",
  answer: "Tidak perlu akun. Di halaman ini Anda melihat bukti dan menjawab dengan satu klik:",
  answerOfVictim:
    "Tidak perlu akun. Di halaman ini Anda melihat apa yang terhitung dan menjawab dengan satu klik (sudah ditangkal, sudah berakhir, masih ditangani):",
  linkUntil: "Tautan ini hanya untuk Anda dan berakhir pada {until}.",
  reply: "Anda juga dapat membalas surat ini; biarkan nomor di subjek.",
  replyAlone: "Balas surat ini dan sampaikan apa yang Anda temukan dan lakukan; biarkan nomor di subjek.",
  attachments: {
    csv: "Terlampir: tabel (CSV, kolom Shadowserver).",
    xarf: "Terlampir: laporan untuk mesin (XARF v4).",
    both: "Terlampir: tabel (CSV, kolom Shadowserver) dan laporan untuk mesin (XARF v4).",
  },
  method:
    "Cara kami mengetahuinya: sensor pada alamat yang tidak dipakai siapa pun menghitung apa yang dikirim kepadanya. Sensor tidak mengirim dan tidak menjawab apa pun. Dengan cara yang sama terlihat apakah mesin berhenti mengirim setelah Anda menanganinya.",
  methodOfVictim:
    "Cara kami mengetahuinya: sensor pada alamat yang tidak dipakai siapa pun menghitung apa yang dikirim kepadanya. Sensor tidak mengirim dan tidak menjawab apa pun. Bila balasan dari host Anda tidak lagi sampai ke sana, serangan sudah berakhir: itu terlihat dengan cara yang sama.",
  marking: "Penandaan",
};
