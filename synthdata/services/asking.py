"""Questions on their way: from the cache, or by calls that are limited, repeated and shared."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import httpx2

from synthdata.errors import SynthdataError
from synthdata.replies import Answers, Question
from synthdata.services import protocol
from synthdata.services.arrivals import Arrivals
from synthdata.services.cache import Cache
from synthdata.services.concurrency import Concurrency
from synthdata.services.environment import api_key, base_url
from synthdata.services.limiter import Limiter, Permit
from synthdata.services.protocol import Refusal, Said

if TYPE_CHECKING:
    from synthdata.services.openai import OpenAI

logger = logging.getLogger("synthdata.services")
_MOST_BYTES = 32 * 1024 * 1024  # of an answer
_READ = 500  # questions that the cache is asked for at once
_LOOK_S = 0.05  # how often to look if somebody else has got a reply by now, or all is to stop
_chance = random.SystemRandom()


class Asking:
    """One process asks questions, once. ``kept`` is called after each reply that was kept."""

    def __init__(
        self,
        service: OpenAI,
        cache: Cache,
        limiter: Limiter,
        stopping: Callable[[], bool],
        kept: Callable[[], None] | None = None,
    ) -> None:
        self._service, self._cache, self._limiter = service, cache, limiter
        self._stopping, self._kept = stopping, kept
        self._places = Concurrency(service.concurrency)
        self._replies: dict[str, str] = {}
        self._causes: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        key = api_key()
        self._http = httpx2.AsyncClient(
            base_url=base_url(),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(service.patience.call_s, pool=None),
            limits=httpx2.Limits(max_connections=service.concurrency),
        )
        self._arrivals = Arrivals(self._http.base_url)

    async def answers(self, questions: Sequence[Question]) -> Answers:
        """The answers to all questions, each asked once."""
        distinct = list({question.key: question for question in questions}.values())
        async with self._http:
            work = asyncio.ensure_future(self._all(distinct))
            while not (await asyncio.wait([work], timeout=_LOOK_S))[0]:
                if self._stopping():
                    work.cancel()
            if not work.cancelled():
                work.result()
        counts: dict[str, float] = {
            "asked": len(distinct),
            "hits": self._counts["hits"],
            "calls": self._counts["calls"],
            "retries": self._counts["retries"],
            "failed": len(self._causes),
            "tokens": self._counts["tokens"],
            "waited_s": round(self._limiter.waited_s, 3),
        }
        return Answers(self._replies, self._causes, counts)

    async def _all(self, questions: Sequence[Question]) -> None:
        size, patience = self._service.tasks_per_batch, self._service.patience
        left: list[Question] = []
        for begin in range(0, len(questions), _READ):
            left += self._not_kept(questions[begin : begin + _READ])
        for begin in range(0, len(left), size):
            batch = left[begin : begin + size]
            try:
                async with asyncio.timeout(patience.batch_s):
                    async with asyncio.TaskGroup() as group:
                        for task in _tasks(batch):
                            group.create_task(self._task(task))
            except TimeoutError:
                cause = f"not within services.patience.batch_s={patience.batch_s:g}"
                self._fail(batch, cause)

    async def _task(self, questions: Sequence[Question]) -> None:
        """Get what one call answers: one chat, or some embeddings; whatever happens, go on."""
        try:
            await self._get(questions)
        except Exception as error:  # a full disk, a server of the cache that is gone
            logger.warning("the cache or the limits are out of order", exc_info=True)
            cause = f"the cache or the limits are out of order ({type(error).__name__})"
            self._fail(questions, cause)

    async def _get(self, questions: Sequence[Question]) -> None:
        left = list(questions)
        while left:
            mine = [q for q in left if self._cache.claim(q.key)]
            try:
                # Whoever held the claims before may have got them in between.
                if mine_left := self._not_kept(mine, asks=True):
                    await self._ask(mine_left)
            finally:
                for question in mine:
                    self._cache.release(question.key)
            left = [q for q in left if q not in mine]
            if left:  # somebody else is asking
                await asyncio.sleep(_LOOK_S * _chance.random())
                left = self._not_kept(left)

    def _not_kept(self, questions: Sequence[Question], asks: bool = False) -> list[Question]:
        """Those that the cache has no replies to."""
        found = self._cache.get_many([question.key for question in questions], asks)
        self._counts["hits"] += len(found)
        self._replies |= found
        return [question for question in questions if question.key not in found]

    async def _ask(self, questions: Sequence[Question]) -> None:
        """Call until there is an answer, or none to be had."""
        patience = self._service.patience
        for attempt in range(patience.retries + 1):
            try:
                said = await self._call(questions)
            except Refusal as error:
                refusal = error
            except SynthdataError as error:
                self._fail(questions, str(error))
                return
            else:
                self._keep(questions, said)
                return
            if not refusal.passing or attempt == patience.retries:
                break
            self._counts["retries"] += 1
            if refusal.wait_s is not None and refusal.busy:
                self._limiter.pause(refusal.wait_s)
            most = min(patience.backoff_s * 2**attempt, patience.backoff_max_s)
            await asyncio.sleep((refusal.wait_s or 0.0) + _chance.uniform(0.0, most))
        times = attempt + 1
        self._fail(questions, f"{refusal}" + (f", {times} times" if times > 1 else ""))

    async def _call(self, questions: Sequence[Question]) -> Said:
        async with self._places.place() as since:
            permit = await self._limiter.permit(protocol.estimate(questions))
            tokens = None
            try:
                self._counts["calls"] += 1
                async with self._watch(permit) as extensions:
                    said = protocol.read(questions, await self._post(questions, extensions))
                tokens = said.tokens
            except Refusal as error:
                if error.busy:
                    self._places.halve(since)
                raise
            finally:
                permit.end(tokens)
            self._places.grow()
            self._counts["tokens"] += tokens or 0
            return said

    def _watch(self, permit: Permit) -> AbstractAsyncContextManager[dict[str, Any]]:
        """What tells when a request has come in, where the limits ask for it."""
        if self._limiter.asks_for_arrivals:
            return self._arrivals.watch(permit.came)
        return nullcontext({})

    async def _post(self, questions: Sequence[Question], extensions: dict[str, Any]) -> Any:
        """The JSON that the server answers with; Refusal for anything else."""
        seconds = self._service.patience.call_s
        try:
            async with asyncio.timeout(seconds):
                path, body = protocol.PATHS[questions[0].kind], protocol.body(questions)
                async with self._http.stream(
                    "POST", path, json=body, extensions=extensions
                ) as answer:
                    if answer.status_code != 200:
                        raise protocol.refusal(answer.status_code, answer.headers)
                    data = bytearray()
                    async for chunk in answer.aiter_bytes():
                        data += chunk
                        if len(data) > _MOST_BYTES:
                            raise Refusal("the server's answer has no end", passing=False)
            return json.loads(data)
        except TimeoutError:
            cause = f"no answer within services.patience.call_s={seconds:g}"
        except httpx2.TimeoutException:
            cause = f"no answer within services.patience.call_s={seconds:g}"
        except httpx2.HTTPError as error:
            cause = f"the server cannot be reached ({type(error).__name__})"
        except ValueError as error:
            cause = f"the server's answer is malformed ({type(error).__name__})"
        raise Refusal(cause, passing=True)  # outside: what the library said may hold the key

    def _keep(self, questions: Sequence[Question], said: Said) -> None:
        for question, reply in zip(questions, said.replies, strict=True):
            self._replies[question.key] = reply
            self._cache.put(question, reply)
        if self._kept is not None:
            self._kept()

    def _fail(self, questions: Sequence[Question], cause: str) -> None:
        for question in questions:
            if question.key not in self._replies:
                self._causes[question.key] = cause


def _tasks(questions: Sequence[Question]) -> Iterator[Sequence[Question]]:
    """Questions by the calls that may answer them: embeddings of one model go together."""
    together: dict[tuple[Any, ...], list[Question]] = {}
    for question in questions:
        if question.kind == "chat":
            yield [question]
        else:
            together.setdefault((question.model, question.settings), []).append(question)
    yield from together.values()
