// SPDX-License-Identifier: Apache-2.0
import { useWords } from "../words/index.tsx";
import { Dialog } from "./Dialog.tsx";

export const KeysDialog = ({ onClose }: { onClose: () => void }) => {
  const { t } = useWords();
  const keys: readonly (readonly [readonly string[], string])[] = [
    [["/"], t.shell.keySearch],
    [["?"], t.shell.keyHelp],
    [["g", "n"], t.shell.keyGo(t.nav.now)],
    [["g", "p"], t.shell.keyGo(t.nav.ports)],
    [["g", "w"], t.shell.keyGo(t.nav.networks)],
    [["g", "s"], t.shell.keyGo(t.nav.sensors)],
    [["g", "e"], t.shell.keyGo(t.nav.explore)],
    [["g", "r"], t.shell.keyGo(t.nav.reports)],
    [["←", "→"], t.shell.keyMove],
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
