// SPDX-License-Identifier: Apache-2.0
import { knowsDesk, useSession } from "../desk/session.ts";
import { useWords } from "../words/index.tsx";
import { Dialog } from "./Dialog.tsx";
import { mayOpen } from "./doors.ts";

const deskPages = [
  ["v", "ring"],
  ["a", "alerts"],
  ["c", "cases"],
  ["m", "mine"],
  ["i", "warnings"],
  ["b", "campaigns"],
  ["t", "statistics"],
  ["d", "detectors"],
  ["o", "constituency"],
  ["u", "unclaimed"],
  ["l", "notices"],
] as const;

export const KeysDialog = ({ onClose }: { onClose: () => void }) => {
  const { t } = useWords();
  const { session } = useSession();
  const pages = deskPages.filter(([, page]) => mayOpen(session, page));
  const keys: readonly (readonly [readonly string[], string])[] = [
    [["/"], t.shell.keySearch],
    [["?"], t.shell.keyHelp],
    [["g", "n"], t.shell.keyGo(t.nav.now)],
    [["g", "p"], t.shell.keyGo(t.nav.ports)],
    [["g", "w"], t.shell.keyGo(t.nav.networks)],
    [["g", "s"], t.shell.keyGo(t.nav.sensors)],
    [["g", "e"], t.shell.keyGo(t.nav.explore)],
    [["g", "r"], t.shell.keyGo(t.nav.reports)],
    ...pages.map(([key, page]) => [["g", key], t.shell.keyGo(t.desk.nav[page])] as const),
    [["←", "→"], t.shell.keyMove],
    ...(knowsDesk(session)
      ? ([
          [["j", "k"], t.desk.alerts.keys.move],
          [["x"], t.desk.alerts.keys.select],
          [["*"], t.desk.alerts.keys.range],
          [["Enter"], t.desk.alerts.keys.open],
          [["c"], t.desk.alerts.keys.goCase],
          [["e"], t.desk.alerts.keys.close],
          [["s"], t.desk.alerts.keys.suppress],
          [["r"], t.desk.alerts.keys.release],
          [["m"], t.desk.alerts.keys.merge],
          [["a"], t.desk.alerts.keys.assign],
        ] as const)
      : []),
    [["Esc"], t.shell.keyClose],
  ];
  return (
    <Dialog label={t.shell.keysTitle} onClose={onClose}>
      <div className="keys">
        <h2>{t.shell.keysTitle}</h2>
        <dl>
          {keys.map(([press, does]) => (
            <div key={does} style={{ display: "contents" }}>
              <dt>
                {press.map((key) => (
                  <span key={key}>
                    <kbd>{key}</kbd>{" "}
                  </span>
                ))}
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <form method="dialog">
          <button type="submit" className="button">
            {t.action.close}
          </button>
        </form>
      </div>
    </Dialog>
  );
};
