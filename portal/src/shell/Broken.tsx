// SPDX-License-Identifier: Apache-2.0
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { useWords } from "../words/index.tsx";

export const Missing = () => {
  const { t } = useWords();
  return (
    <div className="state">
      <h1>{t.state.notFoundTitle}</h1>
      <p>{t.state.notFoundHint}</p>
      <Link to="/" className="button">
        {t.nav.now}
      </Link>
    </div>
  );
};

export const Broken = ({ error }: ErrorComponentProps) => {
  const { t } = useWords();
  return (
    <div className="state error" role="alert">
      <h1>{t.state.errorTitle}</h1>
      <p>{t.state.crashed}</p>
      <p>
        {t.state.code}: <code>{error instanceof Error ? `PAGE_${error.name}: ${error.message}` : String(error)}</code>
      </p>
      <button type="button" className="button" onClick={() => location.reload()}>
        {t.action.retry}
      </button>
    </div>
  );
};
