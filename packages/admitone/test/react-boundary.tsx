import { Component, type ReactNode } from 'react';
import type { AdmitError } from '../src/index.js';

/** Shows the error that was thrown below it. */
export class Boundary extends Component<{ readonly children: ReactNode }, { readonly error?: AdmitError }> {
  override state: { readonly error?: AdmitError } = {};

  static getDerivedStateFromError(error: AdmitError) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? `${error.code}: ${error.message}` : this.props.children;
  }
}
