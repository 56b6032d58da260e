import { onTestFinished } from 'vitest';
import { type Company, type CompanyOptions, startCompany } from '../../src/sandbox/company.ts';

/** Companies that a test plays, on loopback ports of their own. */
export class Sandbox {
  readonly #common: CompanyOptions;
  readonly #companies = new Map<string, Company>();

  /** @param common for all companies; each may say otherwise */
  constructor(common: CompanyOptions = {}) {
    this.#common = common;
  }

  /** Starts a company; its name must be free in this sandbox. */
  async company(name: string, own: CompanyOptions = {}): Promise<Company> {
    if (this.#companies.has(name)) throw new TypeError(`the sandbox already has a company "${name}"`);
    const company = await startCompany(name, { ...this.#common, ...own });
    this.#companies.set(name, company);
    return company;
  }

  /** Closes every company with all its connections, hanging ones too. */
  async close(): Promise<void> {
    await Promise.all([...this.#companies.values()].map((company) => company.close()));
    this.#companies.clear();
  }
}

/** A sandbox that is closed, with all its companies and connections, when the test is over. */
export function testSandbox(common?: CompanyOptions): Sandbox {
  const sandbox = new Sandbox(common);
  onTestFinished(() => sandbox.close());
  return sandbox;
}
