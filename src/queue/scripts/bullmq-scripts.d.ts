declare module 'bullmq/dist/cjs/version.js' {
  export const version: string;
}

/** BullMQ ships the types of its Lua scripts only beside its other build. */
declare module 'bullmq/dist/cjs/scripts/index.js' {
  export interface LuaScript {
    readonly name: string;
    readonly content: string;
    readonly keys: number;
  }
  export const addStandardJob: LuaScript;
  export const addDelayedJob: LuaScript;
  export const addPrioritizedJob: LuaScript;
  export const moveToActive: LuaScript;
  export const moveStalledJobsToWait: LuaScript;
  export const extendLocks: LuaScript;
}
