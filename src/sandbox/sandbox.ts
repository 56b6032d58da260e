import type { TlsOptions } from 'node:tls';
import { type Company, type CompanyOptions, startCompany } from './company.ts';

/** What all companies of a sandbox have in common; each may say otherwise. */
export interface SandboxOptions {
  readonly tls?: TlsOptions;
  readonly keepLatest?: number;
  /** Milliseconds since the epoch, for the time stamps of tokens; left out: the process's own clock. */
  readonly wallClock?: () => number;
}

/** Companies that Waybill plays itself, on loopback ports of their own. */
export interface Sandbox {
  /** Starts a company; its name must be free in this sandbox. */
  company(name: string, options?: CompanyOptions): Promise<Company>;
  /** Closes every company with all its connections, hanging ones too. */
  close(): Promise<void>;
}

/** Makes a sandbox with no company in it yet. */
export function startSandbox(options: SandboxOptions = {}): Sandbox {
  const { wallClock = () => performance.timeOrigin + performance.now(), ...common } = options;
  const companies = new Map<string, Company>();
  return {
    company: async (name, own = {}) => {
      if (companies.has(name)) throw new TypeError(`the sandbox already has a company "${name}"`);
      const company = await startCompany(name, { ...common, ...own }, wallClock);
      companies.set(name, company);
      return company;
    },
    close: async () => {
      await Promise.all([...companies.values()].map((company) => company.close()));
      companies.clear();
    },
  };
}
