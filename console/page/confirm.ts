import { byId } from './dom.js';

/** What somebody is asked before it is done. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button says that does it. */
  readonly yes: string;
}

/** Asks; whoever leaves the question has said no. */
export function confirmed({ title, text, yes }: Question): Promise<boolean> {
  const dialog = byId('question', HTMLDialogElement);
  byId('question-title', HTMLElement).textContent = title;
  byId('question-text', HTMLElement).textContent = text;
  const button = byId('question-yes', HTMLButtonElement);
  button.textContent = yes;
  return new Promise((resolve) => {
    const answered = new AbortController();
    const answer = (is: boolean) => {
      answered.abort();
      dialog.close();
      resolve(is);
    };
    const { signal } = answered;
    button.addEventListener('click', () => answer(true), { signal });
    byId('question-no', HTMLButtonElement).addEventListener('click', () => answer(false), { signal });
    dialog.addEventListener('close', () => answer(false), { signal });
    dialog.showModal();
  });
}
