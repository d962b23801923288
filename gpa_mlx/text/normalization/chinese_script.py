"""Traditional and simplified characters: rules are written once, in simplified ones, and answer in the text's own.

Only characters that rules look for or say are listed, each with one partner, so that places in the text stay the same.
"""

from __future__ import annotations

_PAIRS = """
兩两 萬万 億亿 點点 負负 個个 隻只 輛辆 雙双 條条 張张 間间 層层 歲岁 週周 種种 塊块 顆颗 項项 棟栋 頁页 場场 輪轮 筆笔
臺台 號号 樓楼 車车 電电 話话 碼码 機机 門门 時时 鐘钟 錢钱 對对 組组 戶户 圈圈 課课 盤盘 頭头 噸吨 節节 頓顿 滿满 約约
為为 於于 來来 氣气 溫温 國国 學学 會会 員员 東东 開开 關关 與与 從从 後后 無无 線线 總总 數数 據据 單单 龍龙 軍军 戰战
飛飞 導导 彈弹 艦舰 熱热 撥拨 驗验 證证 帳账 編编 郵邮 遞递 區区 傳传 專专 報报 絡络 視视 頻频 畫画 產产 達达 過过 還还
這这 裡里 裏里 們们 說说 買买 賣卖 資资 價价 級级 類类 紀纪 齣出 歷历 療疗 結结 準准 標标 幣币 鎊镑 歐欧 韓韩 盧卢 銖铢
減减 攝摄 華华 羅罗 槓杠 寬宽 發发 貼贴 讚赞 賬账 復复 務务 處处 聯联 繫系 傷伤 銀银 環环 橋桥 場场 實实 際际 際际 雙双
樣样 釐厘 斷断 壓压 勝胜 敗败 贏赢 輸输 領领 進进 隊队 賽赛 稱称 運运 動动 慶庆 勞劳 兒儿 婦妇 購购 麼么 沒没 讓让 請请
問问 題题 聽听 寫写 應应 該该 幾几 誰谁 給给 愛爱 歡欢 樂乐 見见 覺觉 認认 識识 長长 馬马 魚鱼 鳥鸟 書书 紙纸 網网 義义
黃黄 藍蓝 綠绿 紅红 陽阳 陰阴 雲云 風风 貓猫 車车 灣湾 廣广 島岛 縣县 鄉乡 銷销 漲涨 跌跌 億亿 壽寿 齡龄 齊齐 蘋苹
"""
_TO_SIMPLIFIED = {ord(pair[0]): pair[1] for pair in _PAIRS.split() if pair[0] != pair[1]}
_TO_TRADITIONAL = {ord(simplified): chr(traditional) for traditional, simplified in _TO_SIMPLIFIED.items()}
# What is said has these only as parts of numbers and names, where the other partner would be another word.
_TO_TRADITIONAL |= {ord("账"): "帳", ord("里"): "里", ord("台"): "台", ord("出"): "出"}
_TRADITIONAL = frozenset(map(chr, _TO_SIMPLIFIED))
_NEIGHBOURHOOD = 40

SIMPLIFIED: dict[int, str] = _TO_SIMPLIFIED
"""For `str.translate`: a traditional character as the simplified one that rules are written with."""


def in_script_of(text: str, start: int, end: int, words: str) -> str:
    """Return Chinese words in traditional characters where the text around a place has some.

    Args:
        text: The text as it is written.
        start: Where what is read begins in it.
        end: Where it ends.
        words: What is said instead, in simplified characters.
    """
    around = text[max(0, start - _NEIGHBOURHOOD) : end + _NEIGHBOURHOOD]
    return words if _TRADITIONAL.isdisjoint(around) else words.translate(_TO_TRADITIONAL)
